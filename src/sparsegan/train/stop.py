"""Ctrl-C and SIGTERM asked for a stop: finish the step, save, leave."""

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from lightning_fabric import Fabric

from sparsegan.train.launch import reduced

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - not an error: the run can go on
    """A run was asked to stop and has saved its state.

    Attributes:
        signal: The number of the signal; a shell expects the exit code 128 + signal.
        run: The run's directory.
    """

    def __init__(self, signal_number: int, step: int, run: Path) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name} after step {step}")
        self.signal, self.run = signal_number, run


class StopRequest:
    """Remembers the first signal instead of dying of it; the second one kills as usual.

    Outside the main thread, where Python allows no handlers, signals keep their usual effect.
    """

    def __init__(self) -> None:
        self._number = 0
        self._previous: dict[signal.Signals, Any] = {}

    def agreed(self, fabric: Fabric) -> int:
        """The signal that any process has had, or 0; all processes get the same answer."""
        if fabric.world_size == 1:
            return self._number
        return int(reduced(fabric, self._number, "max"))

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {each: signal.signal(each, self._remember) for each in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        self._restore()

    def _restore(self) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)
        self._previous = {}
