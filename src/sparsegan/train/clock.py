"""Seconds of training: evaluation, sampling and checkpoints do not count."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """A stopwatch that goes on where an earlier process stopped.

    Args:
        seconds: Training seconds so far.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._lap = (0, seconds)

    def start(self, step: int) -> None:
        """Let it run, with `step` steps done."""
        self._since = time.perf_counter()
        self._lap = (step, self._seconds)

    @property
    def seconds(self) -> float:
        """Training seconds so far."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return self._seconds + running

    def lap(self, step: int) -> float:
        """Steps per second since the last lap, or since the start."""
        now = self.seconds
        (step_before, before), self._lap = self._lap, (step, now)
        return (step - step_before) / max(now - before, 1e-9)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time inside does not count."""
        self.stop()
        try:
            yield
        finally:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Let no more time count."""
        self._seconds, self._since = self.seconds, None
