"""Many image files to one array, by as many threads as there are processors."""

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from sparsegan.data.container import Container
from sparsegan.data.decode import RGB, decode
from sparsegan.data.paths import Paths
from sparsegan.data.progress import progress
from sparsegan.data.safety import reading
from sparsegan.data.store import Pixels
from sparsegan.errors import SparseganError

# Files are handed to a thread this many at a time, or fewer if they are large.
_CHUNK = 64
_CHUNK_BYTES = 2**24
# A JPEG of a hundred megapixels has some 50 MB.
MOST_FILE_BYTES = 2**28


class ImageFile(NamedTuple):
    """An image file in memory: where its pixels go, what to call it, and its content."""

    place: int
    name: str
    content: bytes


def image_files(container: Container, files: Paths) -> Iterator[ImageFile]:
    """The image files at some paths of a container.

    Raises:
        SparseganError: One cannot be read, or the archive changed since it was listed.
    """
    found = 0
    with reading(container.place):
        for place, file in container.contents(files):
            name = f"{container.place}/{files[place]}"
            content = file.read(MOST_FILE_BYTES + 1)
            if len(content) > MOST_FILE_BYTES:
                raise SparseganError(
                    f"the image {name} has more than {MOST_FILE_BYTES:,} bytes: take it away"
                )
            yield ImageFile(place, name, content)
            found += 1
    if found != len(files):
        raise SparseganError(f"{container.place} changed while it was read: start again")


def decode_all(pixels: Pixels, files: Iterable[ImageFile], background: RGB) -> bool:
    """Decode every file into its place.

    Args:
        pixels: uint8 ``(N, channels, size, size)`` to write to.
        files: All files, in any order; they are read one ahead of the threads, not all at once.
        background: See `decode.decode`.

    Returns:
        Whether all images are grey.

    Raises:
        SparseganError: A file is no image.
    """

    def fill(chunk: list[ImageFile]) -> bool:
        grey = True
        for place, name, content in chunk:
            target = pixels[place]
            channels, size, _ = target.shape
            target[:], is_grey = decode(io.BytesIO(content), name, size, channels, background)
            grey = grey and is_grey
        advance(len(chunk))
        return grey

    all_grey = True
    threads = os.cpu_count() or 1
    pending: deque[Future[bool]] = deque()
    with progress("Decoding images", len(pixels)) as advance:
        # Pillow lets other threads run while it decodes and resamples.
        with ThreadPoolExecutor(threads) as pool:
            for chunk in _chunks(files):
                pending.append(pool.submit(fill, chunk))
                if len(pending) > 2 * threads:
                    all_grey &= pending.popleft().result()
        return all([all_grey, *(future.result() for future in pending)])


def _chunks(files: Iterable[ImageFile]) -> Iterator[list[ImageFile]]:
    chunk: list[ImageFile] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += len(file.content)
        if len(chunk) == _CHUNK or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
