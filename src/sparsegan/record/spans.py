"""The parts of a run in which D makes one number of steps for each of G."""

from collections.abc import Iterable
from dataclasses import dataclass

from sparsegan.record.events import Event, Request
from sparsegan.settings.config import Config

History = list[tuple[int, dict[str, float]]]
"""Layer densities from step to step."""


@dataclass(frozen=True)
class Span:
    """A part of a run in which D makes one number of steps for each of G.

    Attributes:
        start: Generator steps before it.
        end: Generator steps by its end.
        discriminator_steps: D's for each of G.
    """

    start: int
    end: int
    discriminator_steps: int

    @property
    def steps(self) -> int:
        """Generator steps in it."""
        return self.end - self.start

    def of(self, history: History) -> History:
        """What a history of a whole run is in this span, counted from its start."""
        return [(max(0, at - self.start), entry) for at, entry in history if at < self.end]


def step_spans(config: Config, events: Iterable[Event]) -> list[Span]:
    """The spans of a run by D's steps for each of G, as the method has asked for them.

    The dense equal of a run makes as many as the settings say throughout.
    """
    changes = [(0, config.discriminator_steps)]
    for event in events:
        if isinstance(event, Request):
            wanted = event.discriminator_steps or config.discriminator_steps
            if wanted != changes[-1][1]:
                changes.append((min(event.step, config.steps), wanted))
    ends = [start for start, _ in changes[1:]] + [config.steps]
    spans = [Span(a, b, made) for (a, made), b in zip(changes, ends, strict=True) if a < b]
    return spans or [Span(0, config.steps, config.discriminator_steps)]
