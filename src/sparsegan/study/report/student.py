"""Student's t: how far the mean of a few numbers can be trusted.

The distribution function is exact for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and
26.7.4), and its quantile is found by halving.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95
"""Of the intervals that are shown."""


@dataclass(frozen=True)
class Interval:
    """A mean and where that of all possible seeds lies, under normal scatter.

    Attributes:
        mean: Of the numbers.
        low: Lower end; None for a single number, which says nothing of its scatter.
        high: Upper end, likewise.
        number: How many numbers there were.
    """

    mean: float
    low: float | None
    high: float | None
    number: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval is there and zero is outside."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def within(t: float, degrees: int) -> float:
    """The probability that a variable of Student's distribution lies between -t and t.

    Args:
        t: At least 0.
        degrees: Degrees of freedom, at least 1.
    """
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    if degrees % 2:
        term, total = cosine, 0.0
        for index in range(3, degrees + 1, 2):
            total += term
            term *= cosine**2 * (index - 1) / index
        return 2 / math.pi * (angle + math.sin(angle) * total)
    term, total = 1.0, 0.0
    for index in range(2, degrees + 1, 2):
        total += term
        term *= cosine**2 * (index - 1) / index
    return math.sin(angle) * total


def quantile(level: float, degrees: int) -> float:
    """The t within which a share `level` of Student's distribution lies, on both sides of 0.

    Example:
        >>> round(quantile(0.95, 4), 3)
        2.776
    """
    # In the angle the range is finite.
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        below = within(math.sqrt(degrees) * math.tan(middle), degrees) < level
        low, high = (middle, high) if below else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def interval(numbers: Sequence[float], level: float = LEVEL) -> Interval:
    """The interval of the mean of at least one number."""
    mean = statistics.fmean(numbers)
    if len(numbers) < 2:
        return Interval(mean, None, None, len(numbers))
    error = statistics.stdev(numbers) / math.sqrt(len(numbers))
    half = quantile(level, len(numbers) - 1) * error
    return Interval(mean, mean - half, mean + half, len(numbers))
