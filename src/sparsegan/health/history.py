"""What the detectors look at: what a game has recorded so far."""

from collections import deque
from dataclasses import dataclass, field

from sparsegan.record.events import Balance, Evaluation, Event, Progress

KEPT = 400
"""Of each kind of event; more say nothing that is new."""


@dataclass
class History:
    """The events of one game, oldest first.

    Attributes:
        steps: Generator steps of the whole run.
        progress: Losses and gradients.
        balance: Measurements of the balance ratio.
        untrained: The comparison with real images before the first step.
        evaluations: Those afterwards.
    """

    steps: int
    progress: deque[Progress] = field(default_factory=lambda: deque(maxlen=KEPT))
    balance: deque[Balance] = field(default_factory=lambda: deque(maxlen=KEPT))
    untrained: Evaluation | None = None
    evaluations: deque[Evaluation] = field(default_factory=lambda: deque(maxlen=KEPT))

    def follow(self, event: Event) -> bool:
        """Take an event up; returns whether a look at the whole is worth it now."""
        if isinstance(event, Progress):
            self.progress.append(event)
            return True
        if isinstance(event, Balance):
            self.balance.append(event)
        elif isinstance(event, Evaluation) and event.step:
            self.evaluations.append(event)
            return True
        elif isinstance(event, Evaluation):
            self.untrained = event
        return False
