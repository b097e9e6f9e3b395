"""Follows a run's events and says what is wrong, once each time that it goes wrong."""

from collections.abc import Iterable, Iterator

from sparsegan.health.detectors import DETECTORS, Finding
from sparsegan.health.history import History
from sparsegan.record.events import Event


class Health:
    """The health of all games of a run.

    Args:
        steps: Generator steps of the whole run.
        past: What was recorded before a stop: what was said then is not said again.
    """

    def __init__(self, steps: int, past: Iterable[Event] = ()) -> None:
        self._steps = steps
        self._games: dict[str | None, History] = {}
        self._said: dict[str | None, set[str]] = {}
        for event in past:
            for _ in self.follow(event):
                pass

    def follow(self, event: Event) -> Iterator[Finding]:
        """Take an event up, and say what is new."""
        history = self._games.setdefault(event.game, History(self._steps))
        said = self._said.setdefault(event.game, set())
        if not history.follow(event):
            return
        for name, (detector, failing) in DETECTORS.items():
            sentence = detector(history)
            if sentence is None:
                said.discard(name)
            elif name not in said:
                said.add(name)
                yield Finding(name, sentence, failing)

    def lasting(self) -> dict[str | None, list[Finding]]:
        """What is wrong still, by the game."""
        return {
            game: [
                Finding(name, sentence, DETECTORS[name][1])
                for name in DETECTORS
                if name in said and (sentence := DETECTORS[name][0](self._games[game]))
            ]
            for game, said in self._said.items()
        }
