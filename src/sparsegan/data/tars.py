"""A .tar archive, plain or compressed, read from its beginning to its end."""

import bz2
import contextlib
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sparsegan.data.paths import Paths
from sparsegan.data.safety import Limits, reading
from sparsegan.data.tar_headers import Content, entries

# The bytes that a compressed file starts with, and what reads it.
COMPRESSIONS: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


@dataclass(frozen=True)
class TarArchive:
    """A `container.Container` over a .tar, .tar.gz, .tar.bz2 or .tar.xz."""

    path: Path

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """See `container.Container.entries`."""
        with reading(self.path):
            for name, size, _ in self._files():
                if wanted(name):
                    yield name, size

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """See `container.Container.contents`."""
        with reading(self.path):
            for name, _, content in self._files():
                if (index := wanted.find(name)) >= 0:
                    yield index, cast(BinaryIO, content)

    def _files(self) -> Iterator[tuple[str, int, Content]]:
        limits, announced = Limits(self.path), 0
        with _unpacked(self.path, limits) as (stream, length):
            for entry, content in entries(stream):
                name = limits.name(entry.name)
                if entry.kind == "other":
                    raise limits.refusal(f"its entry {name!r} is a link, a device or a sparse file")
                # Before anything of it is read.
                if length is not None and entry.size > length:
                    raise ValueError(
                        f"it is cut short or damaged: {name!r} announces {entry.size} bytes"
                    )
                announced += entry.size
                limits.unpacked(announced)
                if entry.kind == "file":
                    yield name, entry.size, content


class _Counted(io.RawIOBase):
    """Hands on what a decompressor gives, as long as the limits allow."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file, self._limits, self._total = file, limits, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._total += len(content)
        self._limits.unpacked(self._total)
        return content


@contextlib.contextmanager
def _unpacked(path: Path, limits: Limits) -> Iterator[tuple[BinaryIO, int | None]]:
    """What is in the file, and its length in bytes, where no compression hides it."""
    with path.open("rb") as raw:
        start = raw.read(8)
        raw.seek(0)
        reader = next((COMPRESSIONS[key] for key in COMPRESSIONS if start.startswith(key)), None)
        file = raw if reader is None else cast(BinaryIO, reader(raw))
        length = path.stat().st_size if reader is None else None
        yield cast(BinaryIO, _Counted(file, limits)), length
