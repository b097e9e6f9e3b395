"""Control of D, the part of DDA and ADAPT: its density follows the balance ratio.

Another signal in the place of the ratio, or another lever at a fixed density, is ours, to compare.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sparsegan.balance import Decision, DensityController
from sparsegan.balance.band import Direction, Signal
from sparsegan.balance.decision import Lever
from sparsegan.balance.levers import LearningRateLever, StepsLever, pull
from sparsegan.errors import SparseganError
from sparsegan.methods.base import Method
from sparsegan.methods.growth import GrowthSettings
from sparsegan.methods.settings import Growing, Settings
from sparsegan.methods.static import StaticSettings
from sparsegan.sparsity import MaskChange, SparseNetwork
from sparsegan.sparsity.network import Growth

DISOBEYED = (
    "the loop does not make the discriminator steps that the method asks for: make as many as "
    "StepEvents.requests says before the next generator step"
)
"""What to say where D's steps are the lever and nobody moves it."""


@dataclass(frozen=True, kw_only=True)
class ControlSettings(StaticSettings, GrowthSettings):
    """How D's density follows the balance ratio, or another lever another signal.

    Attributes:
        generator_density: Share of G's weights that are active, in (0, 1]; fixed.
        discriminator_density: D's at the start; None takes the generator's (published).
        signal: What says whether D is too weak: the balance ``ratio`` (published), high where it
            is, or ``sign``, the share of real images that D scores above 0, low where it is (an
            unused option of the published code).
        lever: What is moved then: D's ``density`` (published), or at fixed densities its
            ``learning_rate`` or its ``steps`` for each of G.
        low: Lower edge of the band of the balance ratio.
        high: Upper edge of the band.
        density_step: Density added or taken at a decision (published: 0.05).
        floor: D's density never goes below it (published code: 0.05).
        sign_low: Lower edge of the band of the signal ``sign``.
        sign_high: Upper edge; the middle, 0.8, is the target of adaptive augmentation
            (StyleGAN2-ADA: a mean sign of 0.6).
        rate_step: What D's learning rate is multiplied by, or divided, at a decision.
        rate_floor: Times the set learning rate, D's never goes below it.
        rate_cap: Times the set learning rate, D's never goes above it.
        steps_floor: D never makes fewer steps for each of G; one less or more at a decision.
        steps_cap: D never makes more.
        control_interval: Generator steps between two decisions.
        control_growth: D grows by ``gradient`` (published), at ``random`` or ``hybrid``.
    """

    signal: Signal = "ratio"
    lever: Lever = "density"
    low: float = 0.45
    high: float = 0.55
    density_step: float = 0.05
    floor: float = 0.05
    control_interval: int = 2000
    control_growth: Growth = "gradient"
    sign_low: float = 0.75
    sign_high: float = 0.85
    rate_step: float = 1.25
    rate_floor: float = 0.1
    rate_cap: float = 10.0
    steps_floor: int = 1
    steps_cap: int = 10

    FAITHFUL = (*Settings.FAITHFUL, "inclusive_band", "kept_window", "blind_decisions")

    def controller(self, **at_cap: Any) -> DensityController:
        """The controller that these settings describe.

        Args:
            at_cap: The fields of `DensityController` on a cap, where there is one.
        """
        low, high = self.band
        return DensityController(
            low=low,
            high=high,
            signal=self.signal,
            step=self.density_step,
            floor=self.floor,
            inclusive=self.restores("inclusive_band"),
            **at_cap,
        )

    @property
    def band(self) -> tuple[float, float]:
        """That of the signal, as set."""
        return (self.low, self.high) if self.signal == "ratio" else (self.sign_low, self.sign_high)

    def other_lever(self) -> LearningRateLever | StepsLever:
        """What is moved in the density's place."""
        if self.lever == "steps":
            return StepsLever(self.steps_floor, self.steps_cap)
        return LearningRateLever(self.rate_step, self.rate_floor, self.rate_cap)

    def growths(self) -> tuple[Growing, ...]:
        """In D, where a decision raises or rewires it."""
        if self.lever != "density":
            return ()
        return (Growing("discriminator", self.control_interval, self.control_growth),)

    def density_course(self, steps: int, direction: Direction) -> Iterator[tuple[int, float]]:
        """From decision to decision, until the controller moves it no further."""
        if self.lever == "density":
            moves = self.controller().course(self.densities()[1], direction)
            yield from zip(self._decisions(steps), moves, strict=False)

    def steps_course(
        self, steps: int, at_first: int, direction: Direction
    ) -> Iterator[tuple[int, int]]:
        """From decision to decision, until the lever goes no further."""
        if self.lever == "steps":
            moves = StepsLever(self.steps_floor, self.steps_cap).course(at_first, direction)
            yield from zip(self._decisions(steps), moves, strict=False)

    def _decisions(self, steps: int) -> range:
        return range(self.control_interval, steps, self.control_interval)

    def intervals(self) -> dict[str, Any]:
        """With the interval of decisions."""
        return {
            **super().intervals(),
            "control_interval": self.control_interval,
            "steps_floor": self.steps_floor,
            "steps_cap": self.steps_cap,
        }

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
        if self.lever == "density":
            self.controller().check_start(self.densities()[1])
        else:
            self.controller()  # whatever the lever, the band is not to be empty
            self.other_lever()


class DensityControl(Method):
    """A method that decides on D every ``control_interval`` steps."""

    settings: ControlSettings

    # Warn when so many decisions in a row saw a ratio far outside the band.
    FAR_DECISIONS = 3

    _far = 0
    _discriminator_steps_seen = 0
    _discriminator_steps_made = 0

    @property
    def controller(self) -> DensityController:
        """What decides."""
        return self.settings.controller()

    def control(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide on D when due, and carry it out."""
        seen, self._discriminator_steps_seen = (
            self._discriminator_steps_seen,
            self.discriminator_steps,
        )
        self._discriminator_steps_made = self.discriminator_steps - seen
        if not self.due(self.settings.control_interval, step):
            return
        if self.settings.lever == "density":
            yield from self._move_density(step)
        else:
            yield self._move_other_lever()

    def _move_other_lever(self) -> Decision:
        """Decide on D's learning rate or steps, and ask the loop for it."""
        masks, wanted = self.discriminator.masks, self.requests
        lever, value = self.settings.other_lever(), wanted.discriminator_rate
        if isinstance(lever, StepsLever):
            value = wanted.discriminator_steps or self._discriminator_steps_made
        decision = pull(
            lever, self.controller.band, self.balance.reading(), value, masks.budget, masks.total
        )
        if decision.values is not None and decision.moves:
            after = decision.values[1]
            self.requests = (
                replace(wanted, discriminator_steps=int(after))
                if isinstance(lever, StepsLever)
                else replace(wanted, discriminator_rate=after)
            )
            self._forget_window()
        return decision

    def _forget_window(self) -> None:
        """What was measured under another density, rate or number of steps says nothing now."""
        if not self.settings.restores("kept_window"):
            self.balance.clear()

    def _move_density(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide on D's density, and carry it out."""
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
            self._forget_window()
        if decision.action == "rewire":
            yield self.explore_discriminator(step)

    def _is_sparse(self, network: SparseNetwork) -> bool:
        moved = network is self.discriminator and self.settings.lever == "density"
        return super()._is_sparse(network) or moved

    def _can_grow(self) -> bool:
        by_gradient = self.settings.control_growth != "random"
        return self.discriminator.has_growth_gradient or not by_gradient

    def explore_discriminator(self, step: int) -> MaskChange:
        """Rewire D at the cap; only a controller with a cap to explore at asks for it."""
        raise SparseganError(f"{type(self).__name__} has no rewiring of the discriminator")

    def _warn(self, decision: Decision | None) -> list[str]:
        wanted, made = self.requests.discriminator_steps, self._discriminator_steps_made
        if decision is None:
            asked = wanted is not None and made != wanted
            return self.inspection.once([DISOBEYED] if asked else [])
        if blind := decision.reading.blind:
            return self.inspection.once(
                [
                    f"{blind} in most measurements of the window, so that the balance ratio is "
                    f"noise: decisions on D's {self.settings.lever.replace('_', ' ')} are held "
                    "while this lasts; lower the learning rates if it does"
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
        """As the base class's, with decisions far outside the band and D's steps, counted."""
        counted = self.settings.lever == "steps"
        steps = {"discriminator_steps_seen": self._discriminator_steps_seen} if counted else {}
        return {**super().state_dict(), "far_decisions": self._far, **steps}

    def load_state_dict(self, state: Any) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self._far = int(state["far_decisions"])
        if self.settings.lever == "steps":
            self._discriminator_steps_seen = int(state["discriminator_steps_seen"])
