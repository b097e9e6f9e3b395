"""What was decided on D: the action, its reason, and what it leads from and to."""

from dataclasses import dataclass
from typing import Literal

from sparsegan.balance.ratio import BalanceReading

Action = Literal["raise", "lower", "hold", "rewire"]
Lever = Literal["density", "learning_rate", "steps"]


@dataclass(frozen=True)
class Decision:
    """What was decided on D, and why.

    Attributes:
        action: ``raise`` or ``lower`` the lever, ``hold`` it, or ``rewire`` D at the cap of its
            density.
        reason: One phrase for people.
        reading: What it was decided on.
        from_active: Active weights before: the budget, where rounding to blocks misses it.
        to_active: Active weights to reach; equal to ``from_active`` for hold, and for rewire too
            but where rounding had left the count a few weights short of the cap.
        total: Maskable weights.
        far: Whether the ratio lies outside [low / 3, 3 * high].
        lever: What is moved: ``density``, ``learning_rate`` (a factor) or ``steps`` (D's for each
            of G).
        values: Where another lever than the density stood, and where it is to stand.
    """

    action: Action
    reason: str
    reading: BalanceReading
    from_active: int
    to_active: int
    total: int
    far: bool = False
    lever: Lever = "density"
    values: tuple[float, float] | None = None

    @property
    def moves(self) -> bool:
        """Whether the lever is to stand elsewhere than before."""
        before, after = self.values or (self.from_active, self.to_active)
        return before != after
