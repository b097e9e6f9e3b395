"""What is served: the page on some runs, drawn anew where their files have changed."""

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sparsegan.live import page
from sparsegan.locks import is_held
from sparsegan.report.page import html, read_runs
from sparsegan.report.read import RunRecord

_SHARE = 0.1
"""Of the time that may go into drawing: after one that took long the next waits longer."""
_AT_LEAST = 1.0
"""Seconds between two looks at the files."""
_SILENT = 60.0
"""Seconds without a line after which a run whose lock tells nothing counts as not trained."""


class Site:
    """The page, its parts and the report of some runs, for several readers at a time.

    Args:
        runs: Their directories.

    Attributes:
        asked: When somebody has last asked for the state, by `time.monotonic`; -inf before.
        ending: Whether the server is about to end, which the page then says.

    Raises:
        SparseganError: A directory is no run.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        self._paths = list(runs)
        self._lock = threading.Lock()
        self._runs: list[RunRecord] = read_runs(self._paths)
        self._parts: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._training = False
        self._seen: object = None
        self._next = -float("inf")
        self.asked = -float("inf")
        self.ending = False

    @property
    def training(self) -> bool:
        """Whether any of the runs was being trained when it was last looked at."""
        return self._training

    def state(self) -> str:
        """As JSON, what tells whether a part of the page has changed."""
        self.asked = time.monotonic()
        with self._lock:
            self._update()
            said = {"parts": self._digests, "training": self._training, "ending": self.ending}
            return json.dumps(said)

    def part(self, name: str) -> tuple[str, str] | None:
        """The markup of a part and its digest; None if there is no such part."""
        with self._lock:
            self._update()
            markup = self._parts.get(name)
            return None if markup is None else (markup, self._digests[name])

    def page(self) -> str:
        """The whole page."""
        self.asked = time.monotonic()
        with self._lock:
            self._update()
            return page.page(self._runs, self._parts)

    def report(self) -> str:
        """The report on the runs as they are."""
        with self._lock:
            self._update()
            return html(self._runs)

    def look(self) -> None:
        """Read what is new, at once."""
        with self._lock:
            self._next = -float("inf")
            self._update()

    def _update(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        standing = {path: _standing(path) for path in self._paths}
        seen = [_files(path) for path in self._paths], standing
        if seen != self._seen:
            self._runs = read_runs(self._paths)
            of_name = {}
            for run in self._runs:
                of_name[run.name] = "finished" if run.finished else standing[run.path]
                if standing[run.path] == "training":  # a longer one has an end behind it
                    of_name[run.name] = "training"
            self._parts = page.parts(self._runs, of_name)
            self._digests = {name: page.digest(part) for name, part in self._parts.items()}
            self._training = "training" in of_name.values()
            self._seen = seen
        took = time.monotonic() - now
        self._next = time.monotonic() + max(_AT_LEAST, took * (1 / _SHARE - 1))


def _standing(run: Path) -> str:
    """Whether a process trains the run, by its lock; where locks tell nothing, by its log."""
    lock = run / ".lock"
    if is_held(lock):
        return "training"
    try:
        silent = time.time() - (run / "metrics.jsonl").stat().st_mtime > _SILENT
    except OSError:
        silent = True
    return "training" if lock.exists() and not silent else "stopped"


def _files(run: Path) -> list[tuple[str, int, int]]:
    """What tells that something of a run has changed on the disk."""
    names = ("config.yaml", "metrics.jsonl", "evaluations.jsonl", "cost.json")
    paths = [run / name for name in names]
    paths += [path for name in ("samples", "nearest") for path in (run / name).rglob("*.png")]
    seen = []
    for path in sorted(paths):
        try:
            status = path.stat()
        except OSError:
            continue
        seen.append((str(path), status.st_size, status.st_mtime_ns))
    return seen
