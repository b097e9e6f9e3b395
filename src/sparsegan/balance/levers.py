"""Levers at a fixed density: D's learning rate, and its steps for each of G (both ours)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sparsegan.balance.band import Band, Direction
from sparsegan.balance.decision import Action, Decision, Lever
from sparsegan.balance.ratio import BalanceReading
from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class LearningRateLever:
    """D's learning rate as a factor of the set one, multiplied or divided at a decision.

    Attributes:
        step: By what, above 1.
        floor: Factor never gone below.
        cap: Factor never gone above.

    Raises:
        SparseganError: If they do not fit together.

    Example:
        >>> LearningRateLever(2.0, 0.25, 3.0).moved(2.0, "up")
        3.0
    """

    step: float
    floor: float
    cap: float

    def __post_init__(self) -> None:
        if not 1 < self.step < math.inf:
            raise SparseganError(f"rate_step is {self.step}: it must be above 1")
        if not 0 < self.floor <= 1 <= self.cap < math.inf:
            raise SparseganError(
                f"rate_floor {self.floor} and rate_cap {self.cap} must satisfy 0 < floor <= 1 <= "
                "cap"
            )

    def moved(self, factor: float, direction: Direction) -> float:
        """A step up or down, as far as cap or floor; never back, wherever the factor stands."""
        if direction == "up":
            return max(factor, min(self.cap, factor * self.step))
        return min(factor, max(self.floor, factor / self.step))


@dataclass(frozen=True)
class StepsLever:
    """D's steps for each of G, one more or less at a decision.

    Attributes:
        floor: Number never gone below.
        cap: Number never gone above.

    Raises:
        SparseganError: If they do not fit together.
    """

    floor: int
    cap: int

    def __post_init__(self) -> None:
        if not 1 <= self.floor <= self.cap:
            raise SparseganError(
                f"steps_floor {self.floor} and steps_cap {self.cap} must satisfy 1 <= floor <= cap"
            )

    def moved(self, steps: int, direction: Direction) -> int:
        """One more or less, as far as cap or floor; never back, wherever the number stands."""
        if direction == "up":
            return max(steps, min(self.cap, steps + 1))
        return min(steps, max(self.floor, steps - 1))

    def course(self, steps: int, direction: Direction) -> Iterator[int]:
        """The numbers that decisions all in one direction lead to, until there is no further.

        Example:
            >>> list(StepsLever(1, 4).course(2, "up"))
            [3, 4]
        """
        while (moved := self.moved(steps, direction)) != steps:
            steps = moved
            yield steps


def pull(
    lever: LearningRateLever | StepsLever,
    band: Band,
    reading: BalanceReading,
    value: float,
    active: int,
    total: int,
) -> Decision:
    """The decision on a reading, for a lever that stands at ``value``.

    Args:
        lever: What is moved.
        band: What says which way.
        reading: What it is decided on.
        value: The factor of the learning rate, or the number of steps.
        active: Active weights of D, which stay.
        total: Its maskable weights.
    """
    verdict, name = band.verdict(reading), _name(lever)

    def say(action: Action, reason: str, moved: float = value) -> Decision:
        return Decision(
            action, reason, reading, active, active, total, verdict.far, name, (value, moved)
        )

    if verdict.direction is None:
        return say("hold", verdict.reason)
    moved = lever.moved(value, verdict.direction)  # type: ignore[arg-type]
    if moved != value:
        return say("raise" if verdict.direction == "up" else "lower", verdict.reason, moved)
    bound = "cap" if verdict.direction == "up" else "floor"
    return say("hold", f"{verdict.reason}, at the {bound}")


def _name(lever: LearningRateLever | StepsLever) -> Lever:
    return "steps" if isinstance(lever, StepsLever) else "learning_rate"
