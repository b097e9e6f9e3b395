"""What a method asks of the loop that trains: whatever it cannot do to networks and optimisers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class Requests:
    """Wishes that hold from the next step on, until a method has others.

    They stand in `StepEvents.requests` after every step, and in `Method.requests` before the first.
    `sparsegan train` obeys; a loop of one's own has to.

    Attributes:
        discriminator_steps: Steps of D for each of G; None: as many as the loop makes anyway.
        discriminator_rate: What D's learning rate is multiplied by.
        schedule: ``(first, steps)``: the learning rates' schedule runs from that generator step
            (from 1) over so many steps; None: over the whole run.

    Raises:
        SparseganError: A wish that no loop could follow.

    Example:
        >>> Requests(discriminator_steps=0)
        Traceback (most recent call last):
        sparsegan.errors.SparseganError: discriminator_steps is 0: D needs one step for each of G
    """

    discriminator_steps: int | None = None
    discriminator_rate: float = 1.0
    schedule: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        steps = self.discriminator_steps
        if steps is not None and steps < 1:
            raise SparseganError(f"discriminator_steps is {steps}: D needs one step for each of G")
        if not self.discriminator_rate > 0:
            raise SparseganError(
                f"discriminator_rate is {self.discriminator_rate}: it must be above 0"
            )
        if self.schedule is not None and min(self.schedule) < 1:
            raise SparseganError(f"schedule is {self.schedule}: both numbers must be at least 1")

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        schedule = None if self.schedule is None else list(self.schedule)
        return {**asdict(self), "schedule": schedule}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Requests":
        """From `state_dict`, by way of a checkpoint or not."""
        schedule = state["schedule"]
        return cls(
            discriminator_steps=state["discriminator_steps"],
            discriminator_rate=state["discriminator_rate"],
            schedule=None if schedule is None else (int(schedule[0]), int(schedule[1])),
        )


NOTHING = Requests()
"""No wish: the loop does as it would do anyway."""
