"""evaluations.jsonl: how good a run's checkpoints are, as evaluated after or beside its training.

Each line is an `evaluate` event as in metrics.jsonl, which is the training's own and stays as it
is.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from sparsegan.files import atomic_write_bytes, writing
from sparsegan.record import events
from sparsegan.record.events import Evaluation, checked
from sparsegan.record.metrics_log import line

FILE = "evaluations.jsonl"
"""Its name in the run directory."""


def add(run: Path, evaluations: Sequence[Evaluation]) -> None:
    """Append evaluations, all of them in one write: several processes may do so at a time.

    A line that a kill or a full disk has cut off is left as it is, and they begin behind it.

    Raises:
        WriteError: The file cannot be written.
    """
    path = run / FILE
    content = b"".join(line(evaluation) for evaluation in evaluations)
    with writing(path):
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            if not _ends_a_line(descriptor):
                content = b"\n" + content
            while content:  # a nearly full disk takes a part, and refuses the next
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    if not size:
        return True
    os.lseek(descriptor, size - 1, os.SEEK_SET)  # of reading alone: writes go to the end
    return os.read(descriptor, 1) == b"\n"


def read(run: Path) -> list[Evaluation]:
    """What can be read, oldest first; none if there is no file."""
    known = (_event(written) for written in _lines(run))
    return [event for event in known if event is not None]


def forget_after(run: Path, step: int) -> None:
    """Remove those of steps later than `step`, which are going to be other steps."""
    lines = _lines(run)
    kept = [each for each in lines if (event := _event(each)) is not None and event.step <= step]
    if len(kept) == len(lines):
        return
    if kept:
        atomic_write_bytes(run / FILE, b"".join(each + b"\n" for each in kept))
    else:
        (run / FILE).unlink()


def _lines(run: Path) -> list[bytes]:
    path = run / FILE
    try:
        return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    except OSError:
        return []


def _event(written: bytes) -> Evaluation | None:
    fields = checked(written)
    event = None if fields is None else events.read(fields)
    return event if isinstance(event, Evaluation) else None
