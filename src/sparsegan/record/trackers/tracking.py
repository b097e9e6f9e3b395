"""What metrics.jsonl tells, passed on to trackers; none of them can stop a run.

What a tracker holds of a run is made of the run's events alone, and made anew when the run goes on
after a stop: so no step is there twice, none is missing, and a run may be tracked from the middle.
"""

import importlib
import importlib.util
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sparsegan.errors import SparseganError
from sparsegan.record.events import NETWORKS, End, Evaluation, Event, Progress, Rewiring
from sparsegan.record.metrics_log import readable_history
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config

log = logging.getLogger("sparsegan")


class Tracker(Protocol):
    """Shows numbers and pictures of one run.

    Attributes:
        look: What to type to look at it.
    """

    look: str

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers of a step, which never falls; a name has one number a step."""

    def picture(self, step: int, name: str, path: Path) -> None:
        """A PNG of a step."""

    def close(self) -> None:
        """Nothing more will come."""


_MAKERS = {
    "tensorboard": ("sparsegan.record.trackers.tensorboard", "TensorBoard"),
    "trackio": ("sparsegan.record.trackers.trackio", "Trackio"),
}


def require(names: Sequence[str]) -> None:
    """Refuse trackers whose package is missing.

    Raises:
        SparseganError: Naming it.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise SparseganError(
                f"track is {name}, which needs the package of that name: "
                f"pip install 'sparsegan[{name}]', or leave it out"
            )


class Tracking:
    """Passes a run's events on to its trackers.

    A tracker that fails is warned of once and left alone from then on.

    Args:
        names: Of the trackers.
        run: Whose events; those that it has already are passed on first.
        config: Its settings.
    """

    def __init__(self, names: Sequence[str], run: RunDirectory, config: Config) -> None:
        self._run = run
        self._trackers: dict[str, Tracker] = {}
        self._last: dict[str, int] = {}
        self._pictures: set[Path] = set()
        for name in names:
            self._try(name, partial(self._begin, name, config))
        if self._trackers:
            for event in readable_history(run.metrics):
                self.follow(event)

    @property
    def look(self) -> list[str]:
        """How to look at each tracker."""
        return [tracker.look for tracker in self._trackers.values()]

    def follow(self, event: Event) -> None:
        """Pass an event on, and pictures that are there by now."""
        if not self._trackers:
            return
        step = event.step
        if isinstance(event, Progress | Evaluation | End):
            self._show_pictures(step)
        fresh = {
            name: number
            for name, number in numbers(event).items()
            if step > self._last.get(name, -1)
        }
        self._last |= dict.fromkeys(fresh, step)
        if fresh:
            self._each("numbers", step, fresh)

    def close(self) -> None:
        """Let the trackers finish."""
        self._show_pictures(None)
        self._each("close")
        self._trackers.clear()

    def _begin(self, name: str, config: Config) -> None:
        module, maker = _MAKERS[name]
        self._trackers[name] = getattr(importlib.import_module(module), maker)(self._run, config)

    def _show_pictures(self, until: int | None) -> None:
        """Show those that are there and have not been shown, of steps until then or of all."""
        named = (
            (path.stem.removeprefix("step-"), path) for path in self._run.samples.rglob("*.png")
        )
        there = {path: int(step) for step, path in named if step.isdecimal()}
        for path in sorted(there.keys() - self._pictures, key=lambda path: (there[path], path)):
            if until is None or there[path] <= until:
                self._pictures.add(path)
                folder = str(path.parent.relative_to(self._run.samples))
                name = "samples" if folder == "." else f"{folder}/samples"
                self._each("picture", there[path], name, path)

    def _each(self, method: str, *arguments: object) -> None:
        for name, tracker in list(self._trackers.items()):
            self._try(name, partial(getattr(tracker, method), *arguments))

    def _try(self, name: str, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:
            self._trackers.pop(name, None)
            log.warning(
                "%s failed (%s: %s): the run goes on without it, and what it misses is in %s",
                name,
                type(error).__name__,
                error,
                self._run.metrics,
            )


def numbers(event: Event) -> dict[str, float]:
    """The numbers of an event by the names that trackers show them under, grouped by a slash.

    Example:
        >>> numbers(Rewiring.of(5, "a_to_b", change))  # doctest: +SKIP
        {'a_to_b/churn/generator': 0.1, 'a_to_b/ever_active/generator': 0.3}
    """
    game = f"{event.game}/" if event.game else ""
    return {
        f"{game}{name}": float(number)
        for name, number in _named(event).items()
        if type(number) in (int, float) and math.isfinite(number)
    }


def _named(event: Event) -> dict[str, Any]:
    match event:
        case Progress():
            return {_by_network(name): number for name, number in _own(event).items()}
        case Evaluation():
            others = {f"quality/{name}": number for name, number in _own(event).items()}
            return {f"quality/{event.metric}": event.value} | others
        case Rewiring(reason="rewire"):
            shares = ("churn", "ever_active")
            return {f"{name}/{event.network}": getattr(event, name) for name in shares}
    return {}


def _own(event: Event) -> dict[str, Any]:
    """The fields of its kind, but those of an evaluation that are not about quality."""
    left_out = {"kind", "step"}
    if isinstance(event, Evaluation):
        left_out |= {"value", "n", "generated", "seconds"}
    return {name: value for name, value in event.to_json().items() if name not in left_out}


def _by_network(field: str) -> str:
    """`generator_loss` as `loss/generator`, beside the discriminator's."""
    for network in NETWORKS:
        if field.startswith(f"{network}_"):
            return f"{field.removeprefix(f'{network}_')}/{network}"
    return field
