"""How far a cell is: its newest lines, read as they are written."""

from dataclasses import dataclass

from sparsegan.record.events import checked
from sparsegan.study.cells import Cell
from sparsegan.study.paths import CellPaths
from sparsegan.study.standing import Standing


@dataclass(frozen=True)
class Progress:
    """A cell as it is shown while a study runs.

    Attributes:
        cell: The cell.
        standing: How it stands.
        step: Generator steps done.
        rate: Steps per second, as last logged; None before that.
        value: The newest evaluation; None before the first.
    """

    cell: Cell
    standing: Standing
    step: int
    rate: float | None
    value: float | None

    @property
    def seconds_left(self) -> float | None:
        """Of training, by its last rate; None where that is not known."""
        left = self.cell.config.steps - self.step
        return left / self.rate if self.rate else None


class Follower:
    """Reads what is new in a run's metrics.jsonl, and begins again where that is another file."""

    def __init__(self, paths: CellPaths, cell: Cell) -> None:
        self.paths, self.cell = paths, cell
        self._forget()

    def _forget(self) -> None:
        self._offset, self._file = 0, (0, 0)
        self.step, self.rate, self.value = 0, None, None

    step: int
    rate: float | None
    value: float | None

    def read(self, standing: Standing) -> Progress:
        """What there is by now, beside how the cell stands."""
        path = self.paths.run.metrics
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) != self._file or status.st_size < self._offset:
                self._forget()
                self._file = (status.st_dev, status.st_ino)
            with path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            self._forget()
            new = b""
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line)
        return Progress(self.cell, standing, self.step, self.rate, self.value)

    def _take(self, line: bytes) -> None:
        read = checked(line)
        if read is None:
            return
        self.step = max(self.step, read["step"])
        if read["kind"] == "train" and isinstance(read.get("steps_per_second"), float):
            self.rate = read["steps_per_second"]
        elif read["kind"] == "evaluate":
            self.value = read["value"]
