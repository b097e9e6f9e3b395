"""A joint budget: what one network gains in weights the other loses, as the balance ratio asks.

ADAPT moves D's density alone, and where the ratio asks for a dense D the budget is gone. Here the
active weights of both networks together never change: D too weak, and weights move from G to D;
D too strong, and they move back. Both are what their method is else: G is rewired as in SDST.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.density_control import ControlSettings, DensityControl
from sparsegan.methods.keywords.joint import JointKeywords
from sparsegan.methods.masters import NETWORKS
from sparsegan.methods.rewiring import RewiringSettings
from sparsegan.methods.settings import Growing, Scheduled
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.allocation import weight_budget
from sparsegan.sparsity.network import Growth


@dataclass(frozen=True, kw_only=True)
class JointSettings(RewiringSettings, ControlSettings):
    """Settings of a joint budget: the active weights of both networks at the start.

    Attributes:
        generator_density: G's at the start.
        discriminator_density: D's at the start; None takes the generator's.
        density_step: Share of D's weights that is moved at a decision.
        generator_floor: G's density never goes below it.
        growth: G grows by ``gradient``, at ``random`` or ``hybrid``, where it is rewired and where
            it gains weights.
    """

    generator_floor: float = 0.02
    growth: Growth = "gradient"

    def growths(self) -> tuple[Growing, ...]:
        """In both: in G at every rewiring, and in the one that gains at a decision."""
        return (
            Growing("generator", self.interval, self.growth),
            Growing("generator", self.control_interval, self.growth),
            *super().growths(),
        )

    def sparsest(self, steps: int) -> dict[str, float]:
        """With the floors that weights may be taken down to."""
        lowest = super().sparsest(steps)
        return lowest | {"generator": min(lowest["generator"], self.generator_floor)}

    def moved(self, step: int, density: float, weights: Mapping[str, int]) -> Iterator[Scheduled]:
        """D's density as far as G can pay for it, and G's."""
        (own, other), (G, D) = self.densities(), (weights[name] for name in NETWORKS)
        gain = (density - other) * D
        gain = max(min(gain, (own - self.generator_floor) * G), (own - 1) * G)
        yield Scheduled(step, "discriminator", min(1.0, other + gain / D))
        yield Scheduled(step, "generator", min(1.0, max(self.generator_floor, own - gain / G)))

    def check(self, steps: int) -> None:
        """Refuse a floor outside (0, 1] or above G's density, and other levers, too."""
        super().check(steps)
        if not 0 < self.generator_floor <= self.generator_density:
            raise SparseganError(
                f"generator_floor is {self.generator_floor}: it must lie above 0, and not above "
                f"generator_density ({self.generator_density})"
            )
        if self.lever != "density":
            raise SparseganError(f"lever is {self.lever!r}: a joint budget is one of densities")


class Joint(JointKeywords, DensityControl):
    """Two sparse networks that share one budget of weights."""

    Settings = JointSettings
    settings: JointSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide who is to have more weights, and rewire G: after it has paid, before it gains."""
        exchange = self.control(step)
        decision = next(exchange, None)
        pays = isinstance(decision, Decision) and decision.to_active > decision.from_active
        # Grown weights are zero for now: a payment after the rewiring would take all of them.
        if not pays:
            yield from self._rewire(step)
        if decision is not None:
            yield decision
        yield from exchange
        if pays:
            yield from self._rewire(step)

    def _rewire(self, step: int) -> Iterator[MaskChange]:
        """Drop and grow over the whole generator when due, at its count of now."""
        own = self.settings
        if self.due(own.interval, step):
            how = own.over_network(step, self.steps, own.growth)
            yield self.generator.rewire(**how, generator=self.random).of("generator")

    def _move_density(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide on D's density, and pay for it with G's."""
        G, D, own = self.generator, self.discriminator, self.settings
        decision = self.controller.decide(self.balance.reading(), D.masks.budget, D.masks.total)
        gain = self._affordable(decision.to_active - decision.from_active)
        grows = D if gain > 0 else G
        growth = own.control_growth if gain > 0 else own.growth
        if gain and growth != "random" and not grows.has_growth_gradient:
            gain = 0
            decision = self._held(decision, "nobody made a step to grow by")
        elif gain == 0 and decision.moves:
            decision = self._held(decision, "the generator has no room")
        else:
            decision = replace(decision, to_active=decision.from_active + gain)
        yield decision
        if gain:
            to_D, to_G = D.masks.budget + gain, G.masks.budget - gain
            how_D, how_G = own.grow(own.control_growth), own.grow(own.growth)
            yield D.resize(to_D, **how_D, generator=self.random).of("discriminator")
            yield G.resize(to_G, **how_G, generator=self.random).of("generator")
            self._forget_window()

    def _affordable(self, gain: int) -> int:
        """What D may gain, or lose, with what G has, or can take."""
        masks = self.generator.masks
        floor = weight_budget(self.settings.generator_floor, masks.total)
        return max(min(gain, masks.budget - floor), masks.budget - masks.total)

    def _held(self, decision: Decision, because: str) -> Decision:
        reason = f"{decision.reason}, but {because}"
        return replace(decision, action="hold", reason=reason, to_active=decision.from_active)
