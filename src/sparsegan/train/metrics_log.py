"""metrics.jsonl: one JSON object a line, in the order in which things happened."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sparsegan.errors import SparseganError


def finite(value: Any) -> Any:
    """The same JSON value with null in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


class MetricsLog:
    """Appends events; every line has left the process when `write` returns.

    Args:
        path: The file, made if it is not there.
        offset: Cut the file back to this many bytes first: what a later checkpoint wrote
            belongs to a history that is about to be lived again.

    Raises:
        SparseganError: The file is shorter than `offset`.
    """

    def __init__(self, path: Path, offset: int | None = None) -> None:
        self.path = path
        self._file = path.open("ab")
        if offset is not None:
            self._cut(offset)

    def _cut(self, offset: int) -> None:
        size = self._file.seek(0, os.SEEK_END)
        if size < offset:
            self._file.close()
            raise SparseganError(
                f"{self.path} has {size} bytes but the checkpoint was written after {offset}: "
                "restore the file, or resume from an earlier checkpoint with --checkpoint PATH"
            )
        self._file.truncate(offset)
        self._file.seek(offset)

    def write(self, kind: str, step: int, /, **fields: Any) -> None:
        """Append the event `kind` of generator step `step` (fields: docs/design.md)."""
        line = json.dumps({"kind": kind, "step": step, **finite(fields)}, allow_nan=False)
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def offset(self) -> int:
        """Bytes written so far, on the disk itself: what a checkpoint may rely on."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
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


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, oldest first; a last line cut off by a kill is left out.

    Raises:
        SparseganError: The file is missing, or a line other than the last is not JSON.
    """
    if not path.is_file():
        raise SparseganError(f"{path} is missing: name a run directory that `train` has made")
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield json.loads(line)
        except ValueError:
            raise SparseganError(
                f"line {number} of {path} is not JSON: remove the line or restore the file"
            ) from None
