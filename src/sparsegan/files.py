"""Whole files or none: every file of the library is written beside its place and then renamed."""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from sparsegan.errors import SparseganError

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS}


class WriteError(SparseganError, OSError):
    """A file cannot be written; what was there before is as it was."""


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Tell what the system has against writing in one sentence.

    Args:
        path: What the block writes.

    Raises:
        WriteError: For any OSError in the block, with the path and the cause.
    """
    try:
        yield
    except (WriteError, BrokenPipeError):  # of a pipe the reader has seen enough
        raise
    except OSError as error:
        remedy = ": make room there, or take another folder" if error.errno in _FULL else ""
        if error.errno in _NOT_OURS:
            remedy = ": take a folder that you may write to"
        raise WriteError(f"cannot write {path} ({error.strerror or error}){remedy}") from error


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, which becomes ``path`` when the block ends without an error.

    A reader, or a machine that loses power, sees the old file or the new one, never a part. The
    folder is made if it is missing. The temporary name starts with a dot and ends in ``.tmp``, so
    that nothing that looks for files of a kind finds one that a killed process left behind.

    Args:
        path: Where the file is to be.

    Yields:
        A path in the same folder at which nothing exists yet; the block has to create it.

    Raises:
        WriteError: The folder or the file cannot be written, the block created no file, or there is
            something else than a file.

    Example:
        >>> with atomic_path("numbers.bin") as temporary:  # doctest: +SKIP
        ...     temporary.write_bytes(bytes(8))
    """
    path = Path(path)
    with writing(path):
        kind = _kind(path)
        if kind is not None:  # renaming would put a file into the place of a device, too
            raise WriteError(f"cannot write {path}, which is {kind}: name a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
        try:
            yield temporary
            _sync(temporary, os.O_RDWR)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    # A file system without fsync for folders (and Windows) has nothing better to offer.
    with contextlib.suppress(OSError):
        _sync(path.parent, os.O_RDONLY)


def expanded(path: str | Path) -> Path:
    """A path with the home folder in place of `~` or `~name`; as it is where nobody has that."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises there


def is_left_behind(path: Path) -> bool:
    """Whether a path has the name of a file that `atomic_path` was writing when it was killed."""
    return re.fullmatch(r"\..+\.[0-9a-f]{12}\.tmp", path.name) is not None


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write ``data`` to ``path`` as `atomic_path` does."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, line ends as they are, to ``path`` as `atomic_path` does."""
    atomic_write_bytes(path, text.encode())


def require_regular(path: Path, what: str) -> None:
    """Refuse what cannot be read like a file: a pipe may never end, and a device never does.

    Args:
        path: What is about to be read.
        what: What it should be, for the message: "the configuration".

    Raises:
        SparseganError: It is missing, cannot be looked at, or is no regular file.
    """
    try:
        path.stat()
    except OSError as error:
        raise SparseganError(f"cannot read {what} {path}: {error.strerror}") from None
    except ValueError:  # a NUL within the name
        raise SparseganError(f"cannot read {what} {str(path)!r}: no file has such a name") from None
    kind = _kind(path)
    if kind is not None:
        raise SparseganError(f"cannot read {what} {path}, which is {kind}: name a file")


def _kind(path: Path) -> str | None:
    """What is at a path in words, where it is there and no regular file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    return next((name for test, name in _KINDS if test(mode)), None)


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path is, by links on the way, outside a folder that it is in by its name."""
    return not path.resolve().is_relative_to(folder.resolve())


def _sync(path: Path, flags: int) -> None:
    """Have the system put a file's or a folder's content on the disk now."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
