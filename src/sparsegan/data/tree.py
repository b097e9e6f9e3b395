"""A folder and all that is below it."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from sparsegan.data.paths import Paths
from sparsegan.data.safety import NotOpened
from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class Folder:
    """A `container.Container` over a folder.

    Hidden folders are passed over; links are followed, and each folder is read once, so that links
    that lead in circles end. A file that cannot be opened has no bytes, and tells why when it is
    read.
    """

    path: Path

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """See `container.Container.entries`."""
        seen: set[tuple[int, int]] = set()
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                status = (self.path / folder).stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(self.path / folder) as entries:
                    for entry in entries:
                        name = f"{folder}{entry.name}"
                        if _is_folder(entry):
                            if not entry.name.startswith("."):
                                folders.append(f"{name}/")
                        elif wanted(name):
                            yield name, _size(entry)
            except OSError as error:
                raise SparseganError(
                    f"the folder {self.path / folder} cannot be read: {error.strerror}"
                ) from error

    def folders(self, folder: str) -> list[str]:
        """The names of the folders right below one of them; hidden ones are passed over."""
        with os.scandir(self.path / folder) as entries:
            return [e.name for e in entries if _is_folder(e) and not e.name.startswith(".")]

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """See `container.Container.contents`."""
        for index, name in enumerate(wanted):
            try:
                file = open_file(self.path / name)
            except OSError as error:
                refusal = unreadable(self.path / name, error)
                refusal.__cause__ = error
                yield index, cast(BinaryIO, NotOpened(refusal))
                continue
            with file:
                yield index, file


def open_file(path: Path) -> BufferedReader:
    """A file, open to be read; to open a pipe would wait for whoever writes to it.

    Raises:
        OSError: It is none, or not to be had.
    """
    if not path.is_file():
        path.stat()
        raise OSError(errno.EINVAL, "it is no file")
    return path.open("rb")


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0


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
