"""The density controller: moves the discriminator's density to keep the balance ratio in a band."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from sparsegan.balance.band import Band, Direction, Signal
from sparsegan.balance.decision import Action, Decision
from sparsegan.balance.ratio import BalanceReading
from sparsegan.errors import SparseganError

AtCap = Literal["nothing", "rewire"]
Amount = TypeVar("Amount", int, float)


def _whole(weights: float) -> int:
    return math.floor(weights + 0.5)


def _raised(amount: Amount, step: Amount, cap: Amount) -> Amount:
    """A step up, as far as the cap; never down, wherever the amount stands."""
    return max(amount, min(cap, amount + step))


def _lowered(amount: Amount, step: Amount, floor: Amount) -> Amount:
    """A step down, as far as the floor; never up, wherever the amount stands."""
    return min(amount, max(floor, amount - step))


@dataclass(frozen=True)
class DensityController:
    """Raise D's density where D is too weak, lower it where too strong, as the band says.

    Counts are whole weights, so that floor and cap are met exactly. Steps that were each rounded
    to whole weights may end a few short of the cap; no decision is spent on those alone
    (methods.md, hazard 8).

    Attributes:
        low: Lower edge of the band (published: 0.45).
        high: Upper edge of the band (published: 0.55).
        step: Density to add or take (published: 0.05).
        floor: Density never gone below (published code: 0.05).
        cap: Density never gone above (1 relaxed, 0.5 strict).
        at_cap: What to do above the band at the cap: ``nothing`` (relaxed) or ``rewire``
            (strict: explore at that density).
        inclusive: Act on the band's edges too, as the published code does.
        signal: What is to lie in the band (`Band`).

    Raises:
        SparseganError: If band, step, floor and cap do not fit together.

    Example:
        >>> reading = BalanceReading(value=0.9, records=100, valid=100, nonfinite=0, full=True)
        >>> DensityController().decide(reading, active=100, total=1000).to_active
        150
    """

    low: float = 0.45
    high: float = 0.55
    step: float = 0.05
    floor: float = 0.05
    cap: float = 1.0
    at_cap: AtCap = "nothing"
    inclusive: bool = False
    signal: Signal = "ratio"

    def __post_init__(self) -> None:
        self.band  # noqa: B018 - refuses one that is empty
        if not 0 < self.step <= 1:
            raise SparseganError(f"the density step is {self.step}: it must lie in (0, 1]")
        if not 0 < self.floor <= self.cap <= 1:
            raise SparseganError(
                f"floor {self.floor} and cap {self.cap} must satisfy 0 < floor <= cap <= 1"
            )

    @property
    def band(self) -> Band:
        """What says which way D is to go."""
        return Band(self.low, self.high, self.inclusive, self.signal)

    def check_start(self, density: float) -> None:
        """Refuse a discriminator that is to start denser than the cap.

        Raises:
            SparseganError: Naming both densities.
        """
        if density > self.cap:
            raise SparseganError(
                f"the discriminator starts at density {density}, above the cap {self.cap}: lower "
                "its density or raise the cap"
            )

    def course(self, density: float, direction: Direction) -> Iterator[float]:
        """The densities that decisions all in one direction lead to, until there is no further.

        Args:
            density: The discriminator's at the start.
            direction: Of every decision.

        Example:
            >>> [round(density, 2) for density in DensityController().course(0.12, "down")]
            [0.07, 0.05]
        """
        while True:
            before = density
            if direction == "up":
                density = _raised(density, self.step, self.cap)
            else:
                density = _lowered(density, self.step, self.floor)
            if density == before:
                return
            yield density

    def decide(self, reading: BalanceReading, active: int, total: int) -> Decision:
        """The decision on a reading, for a network of ``active`` of ``total`` weights."""
        step = max(1, _whole(self.step * total))  # a tiny network still moves
        cap = _whole(self.cap * total)
        # At most 1 / self.step steps led here, each rounded by half a weight or less.
        no_room = active + min(1 / self.step, step / 2) >= cap

        verdict = self.band.verdict(reading)

        def say(action: Action, reason: str, to_active: int = active) -> Decision:
            return Decision(action, reason, reading, active, to_active, total, verdict.far)

        if verdict.direction == "up":
            target = _raised(active, step, cap)  # above the cap, it is by the cap's own rounding
            if no_room and self.at_cap == "rewire":
                return say("rewire", f"{verdict.reason}, at the cap", target)
            if target > active:
                return say("raise", verdict.reason, target)
            return say("hold", f"{verdict.reason}, at the cap")
        if verdict.direction == "down":
            target = _lowered(active, step, _whole(self.floor * total))
            if target < active:
                return say("lower", verdict.reason, target)
            return say("hold", f"{verdict.reason}, at the floor")
        return say("hold", verdict.reason)
