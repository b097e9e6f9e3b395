"""Ctrl-C and SIGTERM asked for a stop: finish the step, save, leave."""

import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from sparsegan.errors import printable
from sparsegan.record.run import RunDirectory
from sparsegan.train.launch import process_rank, reduced

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


_STOPPING = (
    b"\nstopping after this step, with everything saved; a second time stops at once, and loses "
    b"what came after the newest checkpoint\n"
)


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

    Args:
        run: Where what is saved goes: what either signal does to it is said on standard error;
            None is silence.
    """

    def __init__(self, run: RunDirectory | None = None) -> None:
        self._run = run if process_rank() == 0 else None
        self._number = 0
        self._previous: dict[signal.Signals, Any] = {}

    def agreed(self, fabric: "Fabric") -> int:
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
        if kind is KeyboardInterrupt and self._run is not None:
            print(_how_to_go_on(self._run), file=sys.stderr)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        self._restore()
        if self._run is not None:
            # Not by print(), which this may have interrupted.
            os.write(2, _STOPPING)

    def _restore(self) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)
        self._previous = {}


def _how_to_go_on(run: RunDirectory) -> str:
    steps = run.checkpoint_steps()
    if not steps:
        return f"stopped at once, before anything was saved in {printable(str(run.path))}"
    command = f"sparsegan resume {shlex.quote(str(run.path))}"
    return f"stopped at once; go on with `{printable(command)}` from step {steps[-1]:,}"
