"""A folder and all that is below it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sparsegan.data.paths import Paths
from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class Folder:
    """A `container.Container` over a folder.

    Hidden folders are passed over; links are followed, and each folder is read once, so that links
    that lead in circles end.
    """

    place: Path

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """See `container.Container.entries`."""
        seen: set[tuple[int, int]] = set()
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                status = (self.place / folder).stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(self.place / folder) as found:
                    for entry in found:
                        name = f"{folder}{entry.name}"
                        if _is_folder(entry):
                            if not entry.name.startswith("."):
                                folders.append(f"{name}/")
                        elif wanted(name):
                            yield name, self._size(name, entry)
            except OSError as error:
                raise SparseganError(
                    f"the folder {self.place / folder} cannot be read: {error.strerror}"
                ) from error

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """See `container.Container.contents`."""
        for place, name in enumerate(wanted):
            try:
                with (self.place / name).open("rb") as file:
                    yield place, file
            except OSError as error:
                raise unreadable(self.place / name, error) from error

    def _size(self, name: str, entry: os.DirEntry[str]) -> int:
        try:
            if not entry.is_file():
                entry.stat()
                raise SparseganError(f"{self.place / name} is no file: take it out of the folder")
            return entry.stat().st_size
        except OSError as error:
            raise unreadable(self.place / name, error) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself; where such a file is wanted, its size tells.
        return False


def unreadable(path: Path, error: OSError) -> SparseganError:
    """The error for a file that the system does not give."""
    return SparseganError(
        f"the file {path} cannot be read ({error.strerror}): "
        f"replace it or take it out of the folder"
    )
