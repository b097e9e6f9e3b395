"""Dynamic density adjustment: the part of DDA and ADAPT that moves D's density by the ratio."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sparsegan.balance import Decision, DensityController
from sparsegan.balance.controller import Direction
from sparsegan.errors import SparseganError
from sparsegan.methods.base import Method
from sparsegan.methods.growth import GrowthSettings
from sparsegan.methods.settings import Growing, Settings
from sparsegan.methods.static import StaticSettings
from sparsegan.sparsity import MaskChange, SparseNetwork
from sparsegan.sparsity.network import Growth


@dataclass(frozen=True, kw_only=True)
class ControlSettings(StaticSettings, GrowthSettings):
    """How D's density follows the balance ratio.

    Attributes:
        generator_density: Share of G's weights that are active, in (0, 1]; fixed.
        discriminator_density: D's at the start; None takes the generator's (published).
        low: Lower edge of the band of the balance ratio.
        high: Upper edge of the band.
        density_step: Density added or taken at a decision (published: 0.05).
        floor: D's density never goes below it (published code: 0.05).
        control_interval: Generator steps between two decisions.
        control_growth: D grows by ``gradient`` (published), at ``random`` or ``hybrid``.
    """

    low: float = 0.45
    high: float = 0.55
    density_step: float = 0.05
    floor: float = 0.05
    control_interval: int = 2000
    control_growth: Growth = "gradient"

    FAITHFUL = (*Settings.FAITHFUL, "inclusive_band", "kept_window", "blind_decisions")

    def controller(self, **at_cap: Any) -> DensityController:
        """The controller that these settings describe.

        Args:
            at_cap: The fields of `DensityController` on a cap, where there is one.
        """
        return DensityController(
            low=self.low,
            high=self.high,
            step=self.density_step,
            floor=self.floor,
            inclusive=self.restores("inclusive_band"),
            **at_cap,
        )

    @property
    def band(self) -> tuple[float, float]:
        """As set."""
        return self.low, self.high

    def growths(self) -> tuple[Growing, ...]:
        """In D, where a decision raises or rewires it."""
        return (Growing("discriminator", self.control_interval, self.control_growth),)

    def density_course(self, steps: int, direction: Direction) -> Iterator[tuple[int, float]]:
        """From decision to decision, until the controller moves it no further."""
        decisions = range(self.control_interval, steps, self.control_interval)
        moves = self.controller().course(self.densities()[1], direction)
        yield from zip(decisions, moves, strict=False)

    def intervals(self) -> dict[str, Any]:
        """With the interval of decisions."""
        return {**super().intervals(), "control_interval": self.control_interval}

    def check(self, steps: int) -> None:
        """Refuse a window that could not fill and a start that the controller forbids, too."""
        super().check(steps)
        window = self.balance_window * self.balance_every
        if window > self.control_interval and not self.restores("kept_window"):
            raise SparseganError(
                f"balance_window × balance_every = {window} exceeds control_interval "
                f"{self.control_interval}: the window could not fill between two decisions, so "
                "shorten it"
            )
        self.controller().check_start(self.densities()[1])


class DensityControl(Method):
    """A method that decides on D's density every ``control_interval`` steps."""

    settings: ControlSettings

    # Warn when so many decisions in a row saw a ratio far outside the band.
    FAR_DECISIONS = 3

    _far = 0

    @property
    def controller(self) -> DensityController:
        """What decides."""
        return self.settings.controller()

    def control(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide on D's density when due, and carry it out."""
        if not self.due(self.settings.control_interval, step):
            return
        masks = self.discriminator.masks
        # The budget, not what whole blocks make of it, so that steps up and down cancel out.
        decision = self.controller.decide(self.balance.reading(), masks.budget, masks.total)
        if decision.action in ("raise", "rewire") and not self._can_grow():
            decision = replace(
                decision,
                action="hold",
                reason=f"{decision.reason}, but D made no step to grow by",
                to_active=decision.from_active,
            )
        yield decision
        if decision.to_active != decision.from_active:
            yield self.discriminator.resize(
                decision.to_active,
                **self.settings.grow(self.settings.control_growth),
                generator=self.random,
            ).of("discriminator")
            if not self.settings.restores("kept_window"):
                self.balance.clear()
        if decision.action == "rewire":
            yield self.explore_discriminator(step)

    def _is_sparse(self, network: SparseNetwork) -> bool:
        return super()._is_sparse(network) or network is self.discriminator

    def _can_grow(self) -> bool:
        by_gradient = self.settings.control_growth != "random"
        return self.discriminator.has_growth_gradient or not by_gradient

    def explore_discriminator(self, step: int) -> MaskChange:
        """Rewire D at the cap; only a controller with a cap to explore at asks for it."""
        raise SparseganError(f"{type(self).__name__} has no rewiring of the discriminator")

    def _warn(self, decision: Decision | None) -> list[str]:
        if decision is None:
            return []
        if blind := decision.reading.blind:
            return self.inspection.once(
                [
                    f"{blind} in most measurements of the window, so that the balance ratio is "
                    "noise: decisions on D's density are held while this lasts; lower the "
                    "learning rates if it does"
                ]
            )
        self._far = self._far + 1 if decision.far else 0
        if self._far % self.FAR_DECISIONS or not self._far:
            return []
        return [
            f"the balance ratio was far outside the band at {self._far} decisions in a row "
            f"(now {decision.reading.value:.3g}, band {self.controller.low} to "
            f"{self.controller.high}): calibrate the band for this network"
        ]

    def state_dict(self) -> dict[str, Any]:
        """As the base class's, with the count of decisions far outside the band."""
        return {**super().state_dict(), "far_decisions": self._far}

    def load_state_dict(self, state: Any) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self._far = int(state["far_decisions"])
