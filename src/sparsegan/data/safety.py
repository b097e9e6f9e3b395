"""What an archive may not hold, whoever made it; nothing of one is ever written to disk by name."""

import contextlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from sparsegan.errors import SparseganError

MOST_ENTRIES = 4_000_000
# ImageNet's training images are 0.14 TiB.
MOST_BYTES = 2**39
# Images hardly compress; only plain bitmaps do, and then rarely beyond this. Deflate can do 1032,
# LZMA more than 7000. Small archives are left in peace.
MOST_RATIO = 200
FREE_BYTES = 2**28


class Limits:
    """Watches over an archive's entries and bytes while they are read.

    Args:
        path: The archive, for messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._most = min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * path.stat().st_size))
        self._entries = 0

    def name(self, raw: str) -> str:
        """Count an entry and give its name with forward slashes.

        Raises:
            SparseganError: There are too many entries, or the name leads out of a folder.
        """
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise self.refusal(f"it has more than {MOST_ENTRIES:,} entries")
        name = raw.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or name[1:2] == ":":
            raise self.refusal(f"its entry {raw[:200]!r} leads out of the folder that it is for")
        return "/".join(parts)

    def unpacked(self, total: int) -> None:
        """Take note of how many bytes there are once unpacked.

        Raises:
            SparseganError: They are more than an archive of images of this size can hold.
        """
        if total > self._most:
            raise self.refusal(f"it unpacks to more than {self._most:,} bytes")

    def refusal(self, reason: str) -> SparseganError:
        """The error that says why this archive is not read."""
        return SparseganError(
            f"the archive {self.path} is refused, since {reason}: "
            f"get it from a source that you trust, or pack the plain files anew"
        )


# What the standard library's readers say of a damaged file.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # with NotImplementedError and RecursionError
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


class NotOpened:
    """In place of a file that could not be opened: to read it raises what opening it did."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Raises the error, whatever the size."""
        raise self._error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever the standard library's readers say of a damaged file into one sentence.

    Args:
        path: The file or folder.

    Raises:
        SparseganError: The block met damage, a missing file or an unknown kind of compression.
    """
    try:
        yield
    except SparseganError:
        raise
    except DAMAGE as error:
        raise SparseganError(
            f"{path} cannot be read ({error}): get it again from its source"
        ) from error
