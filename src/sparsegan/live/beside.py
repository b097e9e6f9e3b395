"""The page of a run that this process trains, served by a process of its own.

Training neither draws nor waits: it starts the other process, which has the lowest priority and
reads the run's directory. A pipe between them, closed, says that this one has ended, however.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from sparsegan.live.server import address, listen

LAST_LOOK = 4.0
"""Seconds in which a page that is open may read the end of the run; it asks every two."""


class Beside:
    """Takes a port at once; serves a run from `begin` on until it is closed.

    Args:
        port: Which; None takes a free one.

    Attributes:
        address: What to open in a browser.

    Raises:
        SparseganError: The port is taken.
    """

    def __init__(self, port: int | None = None) -> None:
        self._socket = listen(port)
        self.address = address(self._socket)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, run: Path) -> str:
        """Serve a run from now on; a line that says where."""
        command = [sys.executable, "-P", "-m", "sparsegan.live"]
        command += [str(run.resolve()), str(self._socket.fileno())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[self._socket.fileno()],
                start_new_session=True,  # Ctrl-C is for training, which then has more to tell
            )
        except OSError as error:
            return f"no live page: cannot start its process ({error.strerror})"
        self._socket.close()
        return f"live page: {self.address}"

    @property
    def serves(self) -> bool:
        """Whether the page can be read at this moment."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> None:
        """Wait until the other process ends or an interrupt comes."""
        if self._process is not None:
            self._process.wait()

    def close(self, *, at_once: bool = False) -> None:
        """End it, after a page that is open has read the run's end; or at once."""
        self._socket.close()
        if self._process is None:
            return
        if at_once:
            self._process.terminate()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(LAST_LOOK + 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def lower_priority() -> None:
    """Leave the processor to whoever wants it."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(19)
