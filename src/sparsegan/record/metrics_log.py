"""metrics.jsonl: one JSON object a line, oldest first."""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sparsegan.errors import SparseganError
from sparsegan.files import WriteError, require_regular, writing
from sparsegan.record import events
from sparsegan.record.events import Event, Fields, checked


def finite(value: Any) -> Any:
    """The same JSON value with null in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def line(event: Event) -> bytes:
    """An event as a line of the log."""
    return json.dumps(finite(event.to_json()), allow_nan=False).encode() + b"\n"


class MetricsLog:
    """Appends events; every line has left the process when `write` returns.

    Args:
        path: The file, made if it is not there.
        follow: Called with each event, when it is written.

    Raises:
        WriteError: In every method: the disk is full, or the file has been removed meanwhile.
    """

    def __init__(self, path: Path, follow: Callable[[Event], None] = lambda event: None) -> None:
        self.path, self._follow = path, follow
        with writing(path):
            self._file = path.open("ab")

    def write(self, event: Event) -> None:
        """Append an event."""
        self.extend(line(event))
        self._follow(event)

    def extend(self, lines: bytes) -> None:
        """Append lines of an earlier log."""
        with writing(self.path):
            self._file.write(lines)
            self._file.flush()

    def offset(self) -> int:
        """Bytes that are safely on the disk, so that a checkpoint may rely on them."""
        with writing(self.path):
            os.fsync(self._file.fileno())
            if not os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                raise WriteError(f"{self.path} is another file than the run has begun to write")
            return self._file.tell()

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        with writing(self.path):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_events(path: Path) -> Iterator[Fields]:
    """The events of a log as JSON objects, oldest first; a last line cut off by a kill is left out.

    Raises:
        SparseganError: The file is missing, or a line other than the last is no event.
    """
    for number, line in enumerate(_lines(path), start=1):
        fields = checked(line)
        if fields is None:
            raise SparseganError(
                f"line {number} of {path} is no event: restore the file, or have `sparsegan resume "
                f"{path.parent} --repair` keep what can be read of it"
            )
        yield fields


def history(path: Path) -> Iterator[Event]:
    """The events of a log; see `read_events`."""
    return filter(None, map(events.read, read_events(path)))


def readable_events(path: Path) -> list[Fields]:
    """All events that can be read of a log, as JSON objects; none if there is no log."""
    try:
        return [fields for line in _lines(path) if (fields := checked(line)) is not None]
    except SparseganError:
        return []


def readable_history(path: Path, *records: type[Event]) -> list[Event]:
    """All events that can be read of a log; none if there is no log.

    Args:
        path: The log.
        records: The kinds to read; all if none is named.
    """
    kinds = {record.kind for record in records}
    wanted = (line for line in readable_events(path) if not kinds or line["kind"] in kinds)
    return list(filter(None, map(events.read, wanted)))


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a log."""
    try:
        if path.exists():
            require_regular(path, "the log")
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        raise SparseganError(
            f"{path} is missing: restore it, or have `sparsegan resume {path.parent} --repair` "
            "begin it anew"
        ) from None
    except OSError as error:
        raise SparseganError(f"cannot read {path}: {error.strerror}") from None
