"""The band: what a window of measurements says of D, whatever is then done about it."""

import math
from dataclasses import dataclass
from typing import Literal

from sparsegan.balance.ratio import BalanceReading
from sparsegan.errors import SparseganError

Signal = Literal["ratio", "sign"]
Direction = Literal["up", "down"]


@dataclass(frozen=True)
class Verdict:
    """Which way D is to go.

    Attributes:
        direction: ``up``: D is too weak; ``down``: too strong; None: leave it.
        reason: One phrase for people.
        far: Whether the balance ratio lies outside [low / 3, 3 * high].
    """

    direction: Direction | None
    reason: str
    far: bool = False


@dataclass(frozen=True)
class Band:
    """Where a signal is to lie.

    Attributes:
        low: Lower edge.
        high: Upper edge.
        inclusive: The edges call for action, too, as in the published code.
        signal: ``ratio``: the balance ratio, above the band where D is too weak. ``sign``: the
            share of real images that D scores above 0, below the band where D is too weak.

    Raises:
        SparseganError: If the band is empty.

    Example:
        >>> reading = BalanceReading(value=0.9, records=100, valid=100, nonfinite=0, full=True)
        >>> Band(0.45, 0.55).verdict(reading).direction
        'up'
    """

    low: float
    high: float
    inclusive: bool = False
    signal: Signal = "ratio"

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise SparseganError(f"the band [{self.low}, {self.high}] is empty: low exceeds high")

    def value(self, reading: BalanceReading) -> float:
        """The signal of a window."""
        return reading.value if self.signal == "ratio" else reading.real_positive

    def verdict(self, reading: BalanceReading) -> Verdict:
        """What the window says of D."""
        far = self._is_far(reading)
        if hold := self._untrusted(reading):
            return Verdict(None, hold, far)
        if self.signal == "ratio" and reading.guarded:
            if reading.invalid * 2 > reading.records:
                return Verdict("up", "D does not separate real from fake", far)
            if reading.valid == 0:
                return Verdict(None, "no valid measurement", far)
        value, name = self.value(reading), "ratio"
        weak, strong, sides = self._is_above(value), self._is_below(value), ("above", "below")
        if self.signal == "sign":
            weak, strong, sides = strong, weak, ("below", "above")
            name = "share of positive real scores"
        if math.isnan(value):  # compares false with both edges
            return Verdict(None, f"the {name} is not a number", far)
        if weak:
            return Verdict("up", f"{name} {sides[0]} the band", far)
        if strong:
            return Verdict("down", f"{name} {sides[1]} the band", far)
        return Verdict(None, f"{name} in the band", far)

    def _untrusted(self, reading: BalanceReading) -> str:
        """Why nothing is to be done, whatever the signal."""
        if not reading.full:
            return f"only {reading.records} measurements since the last change"
        if reading.guarded and reading.nonfinite * 2 > reading.records:
            return f"{reading.nonfinite} of {reading.records} scores are not finite"
        if reading.reversed:
            return "scores are low for real images"
        return reading.blind

    def _is_above(self, value: float) -> bool:
        return value > self.high or (self.inclusive and value == self.high)

    def _is_below(self, value: float) -> bool:
        return value < self.low or (self.inclusive and value == self.low)

    def _is_far(self, reading: BalanceReading) -> bool:
        if self.signal != "ratio" or reading.reversed or reading.blind:
            return False
        return math.isfinite(reading.value) and not (self.low / 3 <= reading.value <= 3 * self.high)
