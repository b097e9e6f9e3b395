"""What a study asks of an executor, and nothing else.

An executor runs `sparsegan study DIRECTORY --cell NAME` somewhere that sees the study's directory
under the same path. What came of a cell is read from the disk, by whoever started it; so an
executor has no results to carry.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Task:
    """A cell to be worked on.

    Attributes:
        cell: Its name.
        command: What does it, to be run in `folder`; it ends by itself when asked to by SIGTERM,
            and can be started again at any time.
        output: A file to append its output to.
        cores: Processor cores that it keeps busy.
        devices: Accelerators that it needs; 0 for the processor alone.
        folder: The directory to run it in.
    """

    cell: str
    command: tuple[str, ...]
    output: Path
    cores: int
    devices: int
    folder: Path


class Job(ABC):
    """A task that was handed in."""

    @abstractmethod
    def exit_code(self) -> int | None:
        """The command's, -n where signal n has ended it; None while it waits or runs."""

    def is_queued(self) -> bool:
        """Whether it still waits for a machine that is free."""
        return False

    @abstractmethod
    def stop(self) -> None:
        """Ask it to save its state and to end; asked again, it ends at once."""


class Executor(ABC):
    """Runs tasks; a context that ends all that it has begun."""

    @abstractmethod
    def has_room(self, task: Task, beside: Sequence[Task] = ()) -> bool:
        """Whether to hand in this task now, with those beside it; the others wait."""

    @abstractmethod
    def submit(self, tasks: Sequence[Task]) -> list[Job]:
        """Hand in tasks, each of which there was room for; a job each, in order.

        Raises:
            SparseganError: They cannot be run here.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Stop what still runs."""
