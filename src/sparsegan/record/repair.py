"""The part of metrics.jsonl that a resumed run keeps."""

from collections.abc import Iterable
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.record.events import Fields, checked


def past(path: Path, offset: int, step: int, *, repair: bool, evaluated: bool) -> bytes:
    """The lines that belong to a checkpoint's past, after which a resumed run goes on.

    Args:
        path: The file; nothing is written.
        offset: Its length when the checkpoint was written.
        step: The checkpoint's.
        repair: Where the file is not whole up to there, keep what can be read of it.
        evaluated: Whether the evaluation of that step belongs to the past, too. A run's first
            and last evaluation are made after the checkpoint of their step, and so are made again,
            unless the run has become longer.

    Raises:
        SparseganError: The file is not whole up to there, and is not to be repaired.
    """
    content = path.read_bytes() if path.is_file() else b""
    before, later = content[:offset], content[offset:]
    wrong = _wrong(path, before, offset)
    if wrong is None:
        add = evaluated and not list(_evaluations(before, step))
        return before + (b"".join(_evaluations(later, step)) if add else b"")
    if not repair:
        raise SparseganError(
            f"{wrong}: restore it, resume from an earlier checkpoint with --checkpoint STEP, or go "
            "on with --repair, which keeps what can be read of it"
        )
    evaluations = list(_evaluations(content, step))
    return b"".join(
        line
        for line, known in _readable(content)
        if known["step"] < step
        or (known["step"] == step and known["kind"] != "end" and line not in evaluations)
        or (evaluated and line in evaluations)
    )


def without_rubbish(path: Path) -> bytes | None:
    """The lines of a file that are events, each once; None where all are."""
    content = path.read_bytes()
    kept = b"".join(line for line, _ in _readable(content))
    return None if kept == content else kept


def _wrong(path: Path, before: bytes, offset: int) -> str | None:
    if len(before) < offset:
        size = f"has {len(before):,} bytes" if path.is_file() else "is missing"
        return f"{path} {size}, and the checkpoint was written after {offset:,}"
    if before and not before.endswith(b"\n"):
        return f"{path} is not what it was: the checkpoint was written in the middle of a line"
    for number, line in enumerate(before.split(b"\n")[:-1], start=1):
        if checked(line) is None:
            return f"line {number} of {path} is no event"
    return None


def _evaluations(content: bytes, step: int) -> Iterable[bytes]:
    for line, known in _readable(content):
        if known["kind"] == "evaluate" and known["step"] == step:
            yield line


def _readable(content: bytes) -> Iterable[tuple[bytes, Fields]]:
    """The whole lines that are events, each once: two processes may have written a run twice."""
    for line in dict.fromkeys(content.split(b"\n")[:-1]):
        fields = checked(line)
        if fields is not None:
            yield line + b"\n", fields
