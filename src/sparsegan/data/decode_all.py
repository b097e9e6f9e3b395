"""Many image files to one array, by as many threads as there are processors."""

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from sparsegan.data.container import Container
from sparsegan.data.decode import RGB, BrokenImageError, decode
from sparsegan.data.paths import Paths
from sparsegan.data.progress import progress
from sparsegan.data.safety import DAMAGE, reading
from sparsegan.data.store import Pixels
from sparsegan.data.tars import TarArchive
from sparsegan.errors import SparseganError

# Files are handed to a thread this many at a time, or fewer if they are large.
_CHUNK = 64
_CHUNK_BYTES = 2**24
# A JPEG of a hundred megapixels has some 50 MB.
MOST_FILE_BYTES = 2**28
# So many of the broken files are named in a message.
_NAMED = 10
# Scans of 10, 12 or 14 bits in files of 16 have no level above.
_DARK = 65535 // 4
NO_SKIP = 0


class ImageFile(NamedTuple):
    """An image file in memory: where its pixels go, what to call it, and its content.

    The content is the error in place of it where the file could not be read.
    """

    number: int
    name: str
    content: bytes | BrokenImageError


class Decoded(NamedTuple):
    """What came of many files.

    Attributes:
        grey: Whether all images are grey.
        broken: Why a file is no image, by its place.
        deep: How many have 16 bits a channel.
        peak: The highest level of those, of 65,535.
    """

    grey: bool
    broken: dict[int, str]
    deep: int
    peak: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one may not expect of the images."""
        if not self.deep or self.peak > _DARK:
            return ()
        remedy = f": if they are scans of {self.peak.bit_length()} bits, rescale the files"
        return (
            f"{self.deep:,} image(s) of 16 bits have no level above {self.peak:,} of 65,535, so "
            f"that they go to {round(self.peak / 257)} of 255 and are nearly black"
            f"{remedy if self.peak > 1 else ''}",
        )


def image_files(container: Container, files: Paths) -> Iterator[ImageFile]:
    """The image files at some paths of a container.

    Raises:
        SparseganError: The archive is damaged, or changed since it was listed.
    """
    count = 0
    with reading(container.path):
        for index, file in container.contents(files):
            name = f"{container.path}/{files[index]}"
            content: bytes | BrokenImageError
            try:
                content = file.read(MOST_FILE_BYTES + 1)
            except DAMAGE as error:
                # Behind the damage in a tar nobody knows where the next file begins.
                if isinstance(container, TarArchive):
                    raise
                content = BrokenImageError(name, f"cannot be read ({_cause(error)})")
            if isinstance(content, bytes) and len(content) > MOST_FILE_BYTES:
                content = BrokenImageError(name, f"has more than {MOST_FILE_BYTES:,} bytes")
            yield ImageFile(index, name, content)
            count += 1
    if count != len(files):
        raise SparseganError(f"{container.path} changed while it was read: start again")


def _cause(error: Exception) -> str:
    origin = error.__cause__ or error
    return getattr(origin, "strerror", None) or str(origin) or type(origin).__name__


def decode_all(
    pixels: Pixels,
    files: Iterable[ImageFile],
    background: RGB,
    skip: float | None = None,
) -> Decoded:
    """Decode every file into its place.

    Args:
        pixels: uint8 ``(N, channels, size, size)`` to write to.
        files: All files, in any order; they are read one ahead of the threads, not all at once.
        background: See `decode.decode`.
        skip: How many files may be broken: a whole number, or a share of all below 1. None: there
            is no such setting to name in a message.

    Returns:
        What came of them.

    Raises:
        SparseganError: More files than that are no images, or all are.
    """

    def fill(chunk: list[ImageFile]) -> Decoded:
        grey, deep, peak, broken = True, 0, 0, {}
        for index, name, content in chunk:
            target = pixels[index]
            channels, size, _ = target.shape
            try:
                if isinstance(content, BrokenImageError):
                    raise content
                target[:], facts = decode(io.BytesIO(content), name, size, channels, background)
            except BrokenImageError as error:
                target[:] = 0
                broken[index] = error.reason
                names[index] = name
                continue
            grey = grey and facts.grey
            if facts.peak is not None:
                deep, peak = deep + 1, max(peak, facts.peak)
        advance(len(chunk))
        return Decoded(grey, broken, deep, peak)

    names: dict[int, str] = {}
    done: list[Decoded] = []
    threads = os.cpu_count() or 1
    pending: deque[Future[Decoded]] = deque()
    with progress("Decoding images", len(pixels)) as advance:
        # Pillow lets other threads run while it decodes and resamples.
        with ThreadPoolExecutor(threads) as pool:
            for chunk in _chunks(files):
                pending.append(pool.submit(fill, chunk))
                if len(pending) > 2 * threads:
                    done.append(pending.popleft().result())
        done += [future.result() for future in pending]
    broken = {index: reason for part in done for index, reason in part.broken.items()}
    _require(broken, names, len(pixels), skip)
    return Decoded(
        all(part.grey for part in done),
        dict(sorted(broken.items())),
        sum(part.deep for part in done),
        max((part.peak for part in done), default=0),
    )


def _require(broken: dict[int, str], names: dict[int, str], total: int, skip: float | None) -> None:
    allowed = skip if isinstance(skip, int) else int((skip or 0) * total)
    if len(broken) <= allowed and len(broken) < max(1, total):
        return
    first, *others = sorted(broken)
    if skip is None and not others:
        raise BrokenImageError(names[first], broken[first])
    shown = named([f"{names[index]} {broken[index]}" for index in sorted(broken)])
    count = f"{len(broken):,} of {total:,} images"
    remedy = "replace them or take them away"
    if skip is not None and len(broken) < total:
        remedy += f", or have so many skipped by --data.skip_broken {len(broken)}"
    limit = f", and data.skip_broken {skip} allows {allowed:,}" if skip else ""
    raise SparseganError(f"{count} cannot be used{limit}: {shown}: {remedy}")


def named(sentences: list[str]) -> str:
    """The first few of many."""
    more = len(sentences) - _NAMED
    return "; ".join(sentences[:_NAMED]) + (f"; and {more:,} more" if more > 0 else "")


def _chunks(files: Iterable[ImageFile]) -> Iterator[list[ImageFile]]:
    chunk: list[ImageFile] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += len(file.content) if isinstance(file.content, bytes) else 0
        if len(chunk) == _CHUNK or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
