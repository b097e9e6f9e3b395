"""When to move a mask and how much of it: functions of the step alone, so nothing is stored."""

import math
from dataclasses import dataclass
from typing import Literal

from sparsegan.errors import SparseganError

Shape = Literal["cosine", "linear", "constant"]


@dataclass(frozen=True)
class DropFraction:
    """The share of active weights to drop at step t of T.

    Attributes:
        start: Fraction at t = 0 (both papers: 0.5).
        end: Fraction at t = T (both papers: 0.005); ignored by ``constant``.
        shape: ``cosine`` (both papers), ``linear`` or ``constant``.

    Example:
        >>> DropFraction()(0, 100), DropFraction()(100, 100)
        (0.5, 0.005)
    """

    start: float = 0.5
    end: float = 0.005
    shape: Shape = "cosine"

    def __post_init__(self) -> None:
        if not (0 <= self.end <= 1 and 0 <= self.start <= 1):
            raise SparseganError(
                f"drop fractions are {self.start} to {self.end}: both must lie in [0, 1]"
            )
        if self.shape not in ("cosine", "linear", "constant"):
            raise SparseganError(
                f"drop schedule is {self.shape!r}: choose one of cosine, linear, constant"
            )

    def __call__(self, step: int, steps: int) -> float:
        """The fraction at ``step`` of ``steps``; beyond the end it stays at its last value."""
        progress = min(step / steps, 1.0)
        if self.shape == "constant":
            return self.start
        if self.shape == "linear":
            return self.start + (self.end - self.start) * progress
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * progress)) / 2


def due(step: int, interval: int, steps: int) -> bool:
    """Whether something done every ``interval`` steps is due after ``step`` of ``steps``.

    Nothing is due at step 0, nor at the last step: a mask moved there would never be trained.
    """
    return 0 < step < steps and step % interval == 0
