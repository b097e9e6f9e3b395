"""ADAPT, balanced dynamic sparse training (NeurIPS 2023, section 5).

Every ``interval`` steps G is rewired at a fixed count, over the whole network. Every
``control_interval`` steps D's density goes up where the balance ratio lies above the band (D too
weak) and down where it lies below. ``relaxed`` lets D become dense; ``strict`` stops it at
``cap``, where D is rewired instead of raised. G grows by ``growth``; D by ``control_growth``, both
where it is raised and where it is rewired.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sparsegan.balance import Decision, DensityController
from sparsegan.errors import SparseganError
from sparsegan.methods.density_control import ControlSettings, DensityControl
from sparsegan.methods.keywords.adapt import AdaptKeywords
from sparsegan.methods.rewiring import RewiringSettings
from sparsegan.methods.settings import Growing
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.network import Growth

Variant = Literal["relaxed", "strict"]

# Published constants that differ between the variants (methods.md, A10).
CONTROL_INTERVAL = {"relaxed": 1000, "strict": 2000}
CAP = {"relaxed": 1.0, "strict": 0.5}


@dataclass(frozen=True, kw_only=True)
class AdaptSettings(RewiringSettings, ControlSettings):
    """Settings of ADAPT; defaults are the published constants (methods.md, A6, A7 and A10).

    Attributes:
        variant: ``relaxed`` (D may become dense) or ``strict`` (D stops at the cap).
        growth: G grows by ``gradient`` (published), at ``random`` or ``hybrid``.
        cap: D's density never goes above it; None: 1.0 relaxed, 0.5 strict.
        control_interval: Generator steps between two decisions; None: 1000 relaxed, 2000 strict.
    """

    variant: Variant = "relaxed"
    growth: Growth = "gradient"
    cap: float | None = None
    control_interval: int | None = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise SparseganError(f"variant is {self.variant!r}: choose relaxed or strict")
        if self.cap is None:
            object.__setattr__(self, "cap", CAP[self.variant])
        if self.control_interval is None:
            object.__setattr__(self, "control_interval", CONTROL_INTERVAL[self.variant])
        super().__post_init__()

    def controller(self, **at_cap: Any) -> DensityController:
        """The controller, with the variant's cap."""
        explore = "rewire" if self.variant == "strict" else "nothing"
        return super().controller(**{"cap": self.cap, "at_cap": explore, **at_cap})

    def growths(self) -> tuple[Growing, ...]:
        """In G at every rewiring, and in D by its decisions."""
        return Growing("generator", self.interval, self.growth), *super().growths()


class Adapt(AdaptKeywords, DensityControl):
    """A rewired generator, and a discriminator whose density keeps the two in balance."""

    Settings = AdaptSettings
    settings: AdaptSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Rewire G, then decide on D."""
        if self.due(self.settings.interval, step):
            yield self.generator.rewire(**self._rewiring(step, self.settings.growth)).of(
                "generator"
            )
        yield from self.control(step)

    def explore_discriminator(self, step: int) -> MaskChange:
        """Rewire D at the strict cap: the share of G's schedule, grown by ``control_growth``."""
        rewiring = self._rewiring(step, self.settings.control_growth)
        return self.discriminator.rewire(**rewiring).of("discriminator")

    def _rewiring(self, step: int, growth: Growth) -> dict[str, Any]:
        how = self.settings.over_network(step, self.steps, growth)
        return how | {"generator": self.random}
