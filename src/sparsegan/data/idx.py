"""The IDX format of MNIST (LeCun et al., 1998): a magic number, big-endian sizes, raw bytes."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sparsegan.errors import SparseganError

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = b"\x00\x00\x08"
# Deflate cannot exceed 1032 to 1, so a header that claims more than this of its file lies.
_MOST_EXPANSION = 1032
_MOST_BYTES = 2**31
_CHUNK = 2**20


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed by gzip.

    The header is believed only as far as the file's size bears it out, and never more than 2 GiB
    are unpacked.

    Args:
        path: The file; whether it is compressed is seen from its content.
        dimensions: Number of dimensions it has to have: 1 for labels, 3 for images.

    Raises:
        SparseganError: The file is missing, no such file, or longer or shorter than it says.
    """
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP
            raw.seek(0)
            most = path.stat().st_size * (_MOST_EXPANSION if compressed else 1)
            if not compressed:
                return _read(path, raw, dimensions, most)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _read(path, unpacked, dimensions, most)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise SparseganError(
            f"the IDX file {path} cannot be read ({error}): get it again from its source"
        ) from error


def _read(path: Path, file: BinaryIO, dimensions: int, most: int) -> NDArray[np.uint8]:
    header = file.read(4 + 4 * dimensions)
    if header[:4] != _UNSIGNED_BYTES + bytes([dimensions]) or len(header) < 4 + 4 * dimensions:
        raise SparseganError(
            f"{path} is no IDX file of unsigned bytes in {dimensions} dimensions: "
            f"check that images and labels are not exchanged"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    size = math.prod(shape)
    if size > min(most, _MOST_BYTES):
        raise SparseganError(
            f"{path} announces {size} bytes, which a file of its size cannot hold: "
            f"get it again from its source"
        )
    content = bytearray()
    while len(content) <= size and (chunk := file.read(min(_CHUNK, size + 1 - len(content)))):
        content += chunk
    if len(content) != size:
        kind = "more" if len(content) > size else "only"
        raise SparseganError(
            f"{path} announces {size} bytes and holds {kind} "
            f"{'than these' if kind == 'more' else len(content)}: get it again from its source"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
