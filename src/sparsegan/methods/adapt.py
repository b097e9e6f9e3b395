"""ADAPT, balanced dynamic sparse training (NeurIPS 2023, section 5).

Every ``interval`` steps G is rewired at a fixed count, over the whole network. Every
``control_interval`` steps D's density goes up where the balance ratio lies above the band (D too
weak) and down where it lies below. ``relaxed`` lets D become dense; ``strict`` stops it at
``cap``, where D is rewired instead of grown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sparsegan.balance import Decision, DensityController
from sparsegan.errors import SparseganError
from sparsegan.methods.density_control import ControlSettings, DensityControl
from sparsegan.methods.rewiring import RewiringSettings
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


class Adapt(DensityControl):
    """A rewired generator, and a discriminator whose density keeps the two in balance."""

    Settings = AdaptSettings
    settings: AdaptSettings

    def build_controller(self) -> DensityController:
        """The band, with the variant's cap."""
        return self.settings.controller(
            cap=self.settings.cap,
            at_cap="rewire" if self.settings.variant == "strict" else "nothing",
            inclusive=self.faithful("inclusive_band"),
        )

    def prepare(self) -> None:
        """Ask for gradients where weights are grown by them."""
        super().prepare()
        by_gradient = self.settings.growth != "random"
        self.generator.growth_gradient_due = lambda: (
            by_gradient and self.due(self.settings.interval, self.step + 1)
        )

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Rewire G, then decide on D."""
        if self.due(self.settings.interval, step):
            yield self.generator.rewire(**self._rewiring(step, self.settings.growth)).of(
                "generator"
            )
        yield from self.control(step)

    def explore_discriminator(self, step: int) -> MaskChange:
        """Strict variant at the cap: rewire D as G is rewired, but by its own growth."""
        rewiring = self._rewiring(step, self.settings.control_growth)
        return self.discriminator.rewire(**rewiring).of("discriminator")

    def _rewiring(self, step: int, growth: Growth) -> dict[str, Any]:
        return self.settings.grow(growth) | {
            "fraction": self.settings.drop_fraction()(step, self.steps),
            "scope": "network",
            "rounding": "floor",
            "generator": self.random,
        }
