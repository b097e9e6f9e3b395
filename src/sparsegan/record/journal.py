"""Writes what happens in a run as the events of metrics.jsonl."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from sparsegan.data import Images
from sparsegan.data.notes import Notes
from sparsegan.methods import Method, StepEvents
from sparsegan.methods.requests import NOTHING, Requests
from sparsegan.record import events, run_cost
from sparsegan.record.events import Event
from sparsegan.record.metrics_log import MetricsLog, history
from sparsegan.sparsity import MaskChange


class Journal:
    """Writes events to a log; without a log (every rank but the first) it writes nothing.

    Attributes:
        log: The log.
        listener: Is told of every event that is written; None tells nobody.
    """

    def __init__(self, log: MetricsLog | None) -> None:
        self.log = log
        self.listener: Callable[[Event], None] | None = None
        past = self.past()
        self._kernels = {
            (event.game, event.network): event.kernels
            for event in past
            if isinstance(event, events.Kernels)
        }
        self._requests = {
            event.game: Requests.of(event.to_json())
            for event in past
            if isinstance(event, events.Request)
        }

    def past(self) -> list[Event]:
        """What the log has by now, of a run that was stopped before."""
        return [] if self.log is None else list(history(self.log.path))

    def write(self, event: Event) -> None:
        """Append an event."""
        if self.log is not None:
            self.log.write(event)
            if self.listener is not None:
                self.listener(event)

    def offset(self) -> int:
        """Bytes on the disk so far."""
        return 0 if self.log is None else self.log.offset()

    def catch_up(self, step: int, game: str | None, method: Method) -> None:
        """Write the `rewire` events that lead from the logged masks to the present ones."""
        histories = run_cost.histories(event for event in self.past() if event.game == game)
        for name, network in method.networks.items():
            masks, last = network.masks, histories[name][-1][1]
            rows = tuple(
                (layer, round(last.get(layer, 1.0) * size), masks.counts()[layer], size)
                for layer, size in masks.sizes().items()
            )
            if any(before != now for _, before, now, _ in rows):
                change = MaskChange(
                    reason="repair",
                    dropped=sum(max(0, before - now) for _, before, now, _ in rows),
                    grown=sum(max(0, now - before) for _, before, now, _ in rows),
                    active=masks.active,
                    total=masks.total,
                    ever_active=masks.ever_active,
                    layers=rows,
                    nearly_empty=(),
                    network=name,
                )
                self.write(events.Rewiring.of(step, game, change))

    def data(self, sets: Mapping[str, Images]) -> None:
        """Write the `data` event of each split that has remarks."""
        for split, images in sets.items():
            if images.notes != Notes():
                notes = asdict(images.notes)
                self.write(events.Data(step=0, split=split, images=len(images), **notes))

    def kernels(self, step: int, game: str | None, method: Method) -> None:
        """Write the `engine` event of each network of a game whose choice of kernels is new."""
        for name, network in method.networks.items():
            event = events.Kernels.of(step, game, name, network.engine)
            if self._kernels.get((game, name)) != event.kernels:
                self._kernels[game, name] = event.kernels
                # A layer's seconds are a function of its density: writing them once is enough.
                self.write(replace(event, layers=None) if step else event)

    def step(self, game: str | None, done: StepEvents) -> None:
        """Write what one call of `after_generator_step` did in a game."""
        if done.balance is not None:
            self.write(events.Balance.of(done.step, game, done.balance))
        if done.decision is not None:
            self.write(events.Decision.of(done.step, game, done.decision))
        for change in done.changes:
            self.write(events.Rewiring.of(done.step, game, change))
        for warning in done.warnings:
            self.write(events.Notice(step=done.step, game=game, message=warning))
        if done.rewinding is not None:
            self.write(events.Rewinding.of(done.step, game, done.rewinding))
        self.requests(done.step, game, done.requests)

    def requests(self, step: int, game: str | None, requests: Requests) -> None:
        """The `request` event of a game whose wishes are new."""
        if requests != self._requests.get(game, NOTHING):
            self._requests[game] = requests
            self.write(events.Request.of(step, game, requests))
