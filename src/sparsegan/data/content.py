"""A fingerprint of files' contents, remembered as long as the files are not touched."""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from sparsegan.cache import cache_folder
from sparsegan.data.container import Container
from sparsegan.data.tree import Folder, open_file, unreadable
from sparsegan.files import atomic_write_text

# No SHA-256 has this length.
_UNREADABLE = b"unreadable"


def container_digest(container: Container, files: Callable[[], Iterable[str]]) -> str:
    """`content_digest` of some files in a folder, or of an archive as it is.

    Args:
        container: The folder or archive.
        files: Lists the files; not called for an archive, since to list a compressed one means to
            read it to its end.
    """
    if isinstance(container, Folder):
        return content_digest(container.path, files(), lenient=True)
    return content_digest(container.path, [""])


def content_digest(root: Path, names: Iterable[str], *, lenient: bool = False) -> str:
    """SHA-256, in hexadecimal, of the names and contents of files.

    It is remembered in the cache folder under the files' places, sizes and times of change, so
    that files that have not been touched are not read again. The time of the change of the inode
    is among them, which no program sets, so that a file replaced by one of the same size and
    (restored) date is noticed.

    Args:
        root: The folder that the names start from; or a file, with the one name ``""``.
        names: Relative paths; gone through twice, and so no iterator.
        lenient: Take a file that cannot be read for one of a content of its own.

    Raises:
        SparseganError: A file cannot be read.
    """
    note = cache_folder() / "contents" / f"{_state(root, names, lenient=lenient)}.sha256"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        remembered = note.read_text("ascii")
        if re.fullmatch("[0-9a-f]{64}", remembered):
            return remembered
    total = hashlib.sha256()
    for name in names:
        try:
            with open_file(root / name) as file:
                content = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            if not lenient:
                raise unreadable(root / name, error) from error
            content = _UNREADABLE
        total.update(content + os.fsencode(name) + b"\0")
    with contextlib.suppress(OSError):
        atomic_write_text(note, total.hexdigest())
    return total.hexdigest()


def _state(root: Path, names: Iterable[str], *, lenient: bool) -> str:
    resolved = root.resolve()
    total = hashlib.sha256(os.fsencode(resolved))
    for name in names:
        try:
            s = (resolved / name).stat()
        except OSError as error:
            if not lenient:
                raise unreadable(root / name, error) from error
            total.update(os.fsencode(f"\0{name}\0") + _UNREADABLE)
            continue
        total.update(
            os.fsencode(f"\0{name}\0{s.st_ino} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}")
        )
    return total.hexdigest()[:32]
