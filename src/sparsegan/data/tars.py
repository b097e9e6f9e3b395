"""A .tar archive, plain or compressed, read from its beginning to its end."""

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from sparsegan.data.paths import Paths
from sparsegan.data.safety import Limits, reading

# The bytes that a compressed file starts with, and what reads it.
COMPRESSIONS: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
# tarfile reads these members whole, into memory: long names and their like.
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_MOST_EXTENSION = 2**20


@dataclass(frozen=True)
class TarArchive:
    """A `container.Container` over a .tar, .tar.gz, .tar.bz2 or .tar.xz."""

    place: Path

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """See `container.Container.entries`."""
        with reading(self.place):
            for name, info, _ in self._files():
                if wanted(name):
                    yield name, info.size

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """See `container.Container.contents`."""
        with reading(self.place):
            for name, info, archive in self._files():
                if (place := wanted.find(name)) >= 0:
                    file = archive.extractfile(info)
                    assert file is not None, "only plain files come this far"
                    yield place, cast(BinaryIO, file)

    def _files(self) -> Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]:
        limits, announced = Limits(self.place), 0
        with _unpacked(self.place, limits) as (stream, length), _open(stream) as archive:
            while (info := archive.next()) is not None:
                # tarfile would otherwise keep an object for every member.
                archive.members = []  # type: ignore[attr-defined]
                name = limits.name(info.name)
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    raise limits.refusal(f"its entry {name!r} is a link, a device or a sparse file")
                # Before anything is read of it: tarfile would go on skipping behind the end.
                if info.size < 0 or (length is not None and info.size > length - info.offset_data):
                    raise tarfile.ReadError(
                        f"it is cut short or damaged: {name!r} announces {info.size} bytes"
                    )
                announced += info.size
                limits.unpacked(announced)
                yield name, info, archive


def _open(stream: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(
        fileobj=stream, mode="r|", bufsize=2**18, tarinfo=_StrictTarInfo, errorlevel=2
    )


class _StrictTarInfo(tarfile.TarInfo):
    """Headers that are damaged, where tarfile takes them for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            # A block of zeros is the end.
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            raise tarfile.ReadError(f"it is cut short or damaged: {error}") from error
        if info.size < 0 or (info.type in _EXTENSIONS and info.size > _MOST_EXTENSION):
            raise tarfile.ReadError(f"a header announces {info.size} bytes")
        return info


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
def _unpacked(place: Path, limits: Limits) -> Iterator[tuple[BinaryIO, int | None]]:
    """What is in the file, and its length in bytes, where no compression hides it."""
    with place.open("rb") as raw:
        start = raw.read(8)
        raw.seek(0)
        reader = next((COMPRESSIONS[key] for key in COMPRESSIONS if start.startswith(key)), None)
        file = raw if reader is None else cast(BinaryIO, reader(raw))
        length = place.stat().st_size if reader is None else None
        yield cast(BinaryIO, _Counted(file, limits)), length
