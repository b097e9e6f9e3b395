"""The headers of a .tar archive, one behind the other, up to a proven end.

The formats are POSIX.1-2017's ustar and pax interchange formats (the utility `pax`, "Extended
Description") and GNU tar's, with its long names and sizes in base 256. The standard library's
reader takes some damaged headers for the end of an archive, in a way that differs by version.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 512
_READ_BYTES = 2**20
# Long names and their like, which are held in memory.
_MOST_EXTENSION = 2**20
# An entry has one header of each kind at the most, but for pax's.
_MOST_EXTENSIONS = 16
_PAX, _GLOBAL_PAX, _LONG_NAME, _LONG_LINK = b"xX", b"g", b"L", b"K"
_PLAIN, _FOLDER = b"0\0007", b"5"


@dataclass(frozen=True)
class Entry:
    """A member of an archive.

    Attributes:
        name: As it is written there.
        size: Bytes of its content.
        kind: ``file``, ``folder``, or ``other`` for links, devices and sparse files.
    """

    name: str
    size: int
    kind: str


class Content:
    """The content of the entry at which a stream stands, as far as it has been read.

    Args:
        stream: What the archive is read from.
        size: Bytes of content.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left, self._padding = stream, size, -size % BLOCK

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as many as asked for unless the content ends; -1: all that are left.

        Raises:
            ValueError: The archive ends before.
        """
        wanted = self._left if size < 0 else min(size, self._left)
        self._left -= wanted
        return _exactly(self._stream, wanted)

    def skip(self) -> None:
        """Go to the block behind the content.

        Raises:
            ValueError: The archive ends before.
        """
        while self._left:
            self.read(_READ_BYTES)
        _exactly(self._stream, self._padding)
        self._padding = 0


def entries(stream: BinaryIO) -> Iterator[tuple[Entry, Content]]:
    """The entries of an archive and of those that are joined on behind it.

    An archive ends with a block of zeros. Behind it are zeros alone, or another archive.

    Raises:
        ValueError: The stream is cut short, a header is damaged, or something else is behind the
            end.
    """
    extensions: dict[str, str] = {}
    common: dict[str, str] = {}
    count, ended = 0, False
    while len(block := _up_to(stream, BLOCK)) == BLOCK or not ended:
        if len(block) == BLOCK and not any(block):
            if count:
                raise _damage("a long name has no entry")
            ended = True
            continue
        header = _Header(block)
        ended = False
        if header.type in _PAX + _GLOBAL_PAX + _LONG_NAME + _LONG_LINK:
            count += 1
            if header.size > _MOST_EXTENSION or count > _MOST_EXTENSIONS:
                raise _damage(f"a header announces {header.size} bytes")
            content = Content(stream, header.size)
            text = content.read()
            content.skip()
            if header.type in _PAX:
                extensions.update(_records(text))
            elif header.type in _GLOBAL_PAX:
                common.update(_records(text))
            elif header.type in _LONG_NAME:
                extensions["path"] = _text(text)
            continue
        entry = _entry(header, {**common, **extensions})
        extensions, count = {}, 0
        content = Content(stream, entry.size)
        yield entry, content
        content.skip()
    if any(block):
        raise _damage("it ends within a header")


class _Header:
    """A header of 512 bytes whose checksum is right."""

    def __init__(self, block: bytes) -> None:
        if len(block) < BLOCK:
            raise _damage("its end is missing")
        written, total = _number(block[148:156]), sum(block) - sum(block[148:156]) + 8 * ord(" ")
        # Some old programs add signed bytes.
        if written != total and written != total - 256 * sum(byte > 127 for byte in block):
            raise _damage("a header has a wrong checksum")
        self.type = block[156:157]
        self.size = _number(block[124:136])
        name, prefix = _text(block[:100]), _text(block[345:500])
        # GNU tar has times where POSIX has the beginning of a long name.
        posix = block[257:263] == b"ustar\0"
        self.name = f"{prefix}/{name}" if posix and prefix else name


def _entry(header: _Header, pax: dict[str, str]) -> Entry:
    size = pax.get("size", "")
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):
        raise _damage(f"a header announces {size[:20]!r} bytes")
    name = pax.get("path", header.name)
    if any(key.startswith("GNU.sparse.") for key in pax):
        kind = "other"
    elif header.type in _FOLDER or (header.type == b"\0" and name.endswith("/")):
        kind = "folder"
    else:
        kind = "file" if header.type in _PLAIN else "other"
    return Entry(name, int(size) if size else header.size, kind)


def _records(text: bytes) -> Iterator[tuple[str, str]]:
    """The keys and values of pax: each record is ``LENGTH KEY=VALUE`` and the end of a line."""
    while text.rstrip(b"\0"):
        digits, space, _ = text[:20].partition(b" ")
        length = int(digits) if digits.isdigit() and space else 0
        key, equals, value = text[len(digits) + 1 : length - 1].partition(b"=")
        if not equals or text[length - 1 : length] != b"\n":
            raise _damage("an extended header is no list of records")
        yield _text(key), _text(value)
        text = text[length:]


def _number(field: bytes) -> int:
    """A number in octal digits, or in base 256 where the first bit is set."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise _damage("a header has a negative number")
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if not digits.isdigit() and digits:
        raise _damage(f"a header has {digits!r} for a number")
    try:
        return int(digits or b"0", 8)
    except ValueError:
        raise _damage(f"a header has {digits!r} for a number") from None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _up_to(stream: BinaryIO, size: int) -> bytes:
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = _up_to(stream, size)
    if len(content) < size:
        raise _damage(f"{size - len(content)} bytes are missing")
    return content


def _damage(fact: str) -> ValueError:
    return ValueError(f"it is cut short or damaged: {fact}")
