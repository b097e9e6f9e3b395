"""Something that holds files: a folder, or an archive that is read without being unpacked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from sparsegan.data.paths import Paths
from sparsegan.data.tars import COMPRESSIONS, TarArchive
from sparsegan.data.tree import Folder
from sparsegan.data.zips import ZipArchive
from sparsegan.errors import SparseganError
from sparsegan.files import require_regular


class Container(Protocol):
    """Files under relative paths with forward slashes."""

    @property
    def path(self) -> Path:
        """Where the folder or the archive is."""
        ...

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """Path and size in bytes of every file whose path is wanted, in no special order.

        Raises:
            SparseganError: The folder or archive cannot be read, or the archive is unsafe.
        """
        ...

    def contents(self, wanted: Paths) -> Iterator[tuple[int, BinaryIO]]:
        """The files at the given paths, each as its place among them and an open file.

        They come in the order that is quickest to read; a file is closed once the next is asked
        for. Files that are not there are passed over.

        Raises:
            SparseganError: As in `entries`.
        """
        ...


def open_container(path: Path) -> Container:
    """A folder, a .zip, or a .tar, plain or compressed by gzip, bzip2 or xz, told by its content.

    Raises:
        SparseganError: There is nothing at ``path``, or something else.
    """
    if path.is_dir():
        return Folder(path)
    if path.exists():
        require_regular(path, "the archive")
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise SparseganError(
            f"there is no folder {path} and no archive ({error.strerror}): check the path"
        ) from error
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZipArchive(path)
    if start.startswith(tuple(COMPRESSIONS)) or start[257:262] == b"ustar":
        return TarArchive(path)
    raise SparseganError(
        f"{path} is no folder and no .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz archive: "
        f"name one of these"
    )
