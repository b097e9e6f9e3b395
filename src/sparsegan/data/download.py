"""A file from the network: with progress, taken up where it broke off, and checked."""

import contextlib
import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sparsegan.data.progress import progress
from sparsegan.errors import SparseganError

TIMEOUT = 30.0
# Attempts in a row that bring no further byte.
ATTEMPTS = 4
PAUSE = 2.0
_CHUNK = 2**18
_GONE = (401, 403, 404, 410)
_BROKEN = (
    urllib.error.URLError,
    http.client.HTTPException,
    ssl.SSLError,
    TimeoutError,
    ConnectionError,
)


class _MismatchError(Exception):
    """The whole file is there, and it is not the right one."""


def download(url: str, path: Path, md5: str) -> Path:
    """Fetch a file unless it is there already.

    What has come so far is kept beside ``path`` under the ending ``.part``, and a later call goes
    on from there; only a complete file with the right hash gets its name. One of several processes
    fetches, and the others wait for it.

    Args:
        url: Where from.
        path: Where to; the folder is made.
        md5: The hash that the content has to have, in hexadecimal.

    Returns:
        ``path``.

    Raises:
        SparseganError: There is no network, the server does not give the file, the content is not
            the right one, or the disk cannot take it; what has come so far stays.
    """
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with _alone(path.with_name(f"{path.name}.lock")):
            if not path.is_file():
                resumed = part.is_file() and part.stat().st_size > 0
                try:
                    _complete(url, part, md5)
                except _MismatchError:
                    part.unlink()
                    if not resumed:
                        raise
                    # What lay there may have been of another version of the file.
                    _complete(url, part, md5)
                part.replace(path)
    except _MismatchError:
        raise _failure(url, path, "what came is not the published file (its MD5 differs)") from None
    except _BROKEN as error:
        raise _failure(url, path, str(getattr(error, "reason", error))) from error
    except OSError as error:
        raise SparseganError(
            f"{path} cannot be written ({error.strerror}): make room, or set SPARSEGAN_CACHE to "
            f"another folder"
        ) from error
    return path


def _failure(url: str, path: Path, reason: str) -> SparseganError:
    return SparseganError(
        f"{path.name} cannot be downloaded from {url} ({reason}): download it yourself, on any "
        f"machine, and pass the file as data.path"
    )


def _complete(url: str, part: Path, md5: str) -> None:
    """Fetch what is missing of the file, with several attempts, and check it."""
    failures = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _fetch(url, part, before)
            break
        except _BROKEN as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in _GONE:
                raise
            failures = 0 if part.is_file() and part.stat().st_size > before else failures + 1
            if failures == ATTEMPTS:
                raise
            time.sleep(PAUSE * failures)
    with part.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != md5:
            raise _MismatchError


def _fetch(url: str, part: Path, have: int) -> None:
    """One request, for all that comes after the first ``have`` bytes."""
    request = urllib.request.Request(url, headers={"User-Agent": "sparsegan"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        # Not satisfiable: all of the file, or more, is there; its hash decides.
        if error.code == 416:
            return
        raise
    with response:
        if have and not _continues(response, have):
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        _save(response, part, have, total)


def _continues(response: http.client.HTTPResponse, have: int) -> bool:
    """Whether the server sends what was asked for, and not the file from its beginning."""
    span = response.headers.get("Content-Range", "")
    return response.status == 206 and span.startswith(f"bytes {have}-")


def _save(response: IO[bytes], part: Path, have: int, total: int | None) -> None:
    with (
        part.open("r+b" if have else "wb") as file,
        progress(f"Downloading {part.stem}", total, have, bytewise=True) as advance,
    ):
        file.seek(have)
        while content := response.read(_CHUNK):
            file.write(content)
            advance(len(content))
        file.flush()
        os.fsync(file.fileno())
        if total is not None and file.tell() < total:
            raise http.client.IncompleteRead(b"", total - file.tell())


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let no other process of this machine in meanwhile, where the system can do that."""
    with lock.open("w") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
