"""A .zip archive, read where it lies."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sparsegan.data.paths import Paths
from sparsegan.data.safety import DAMAGE, Limits, NotOpened, reading

_ENCRYPTED = 0x1
_PLAIN_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)


@dataclass(frozen=True)
class ZipArchive:
    """A `container.Container` over a .zip."""

    path: Path

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """See `container.Container.entries`."""
        with reading(self.path), zipfile.ZipFile(self.path) as archive:
            for name, info in self._checked(archive).items():
                if wanted(name):
                    yield name, info.file_size

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """See `container.Container.contents`."""
        with reading(self.path), zipfile.ZipFile(self.path) as archive:
            for name, info in self._checked(archive).items():
                if (index := wanted.find(name)) >= 0:
                    try:
                        file = archive.open(info)
                    except DAMAGE as error:
                        yield index, cast(BinaryIO, NotOpened(error))
                        continue
                    with file:
                        yield index, cast(BinaryIO, file)

    def _checked(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        """The files by their names, once the whole directory of the archive has been looked at."""
        limits = Limits(self.path)
        files: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in archive.infolist():
            name = limits.name(info.filename)
            if stat.S_IFMT(info.external_attr >> 16) not in _PLAIN_KINDS:
                raise limits.refusal(f"its entry {name!r} is a link or a device")
            if info.flag_bits & _ENCRYPTED:
                raise limits.refusal(f"its entry {name!r} is encrypted")
            # What an entry announces is believed: zipfile never reads more than that of one.
            total += info.file_size
            limits.unpacked(total)
            if info.is_dir():
                continue
            if name in files:
                raise limits.refusal(f"it has two entries {name!r}")
            files[name] = info
        return files
