"""A folder of images, flat or with a sub-folder for every class."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparsegan.cache import cache_folder, read_tensor, write_tensor
from sparsegan.data.decode import RGB, decode
from sparsegan.data.images import Images
from sparsegan.data.listing import Listing, list_images
from sparsegan.errors import SparseganError

DEFAULT_SIZE = 32
# Part of the cache's key: to be raised whenever `decode` gives other pixels.
_DECODER_VERSION = 1
_CHUNK = 64


def load_folder(
    folder: Path, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    """Read one split of a folder's images, in the order of their relative paths.

    PNG, JPEG, WebP, BMP and GIF files count, at any depth; hidden files and folders do not. Where
    every image lies in a sub-folder, the first folder on its relative path is its class. Where the
    folder has the sub-folders ``train`` and ``test`` (or ``val``, ``valid``) and no image beside
    them, they are the splits. Otherwise a tenth of the images, at least one, chosen by a hash of
    their relative paths, is the test split and the rest the train split: the two never overlap.

    Decoded pixels are kept in the cache folder under a hash of the folder's place, its files'
    names, sizes and times, and the arguments; where nothing can be written, nothing is kept.

    Args:
        folder: The folder.
        split: ``train`` or ``test``.
        image_size: Side of the squares in pixels (see `decode.decode`); None is 32.
        channels: 1 or 3; None is 1 where every image of the split is grey, and else 3.
        background: RGB colour under transparent parts.

    Raises:
        SparseganError: The folder is missing or has too few images, or a file cannot be read.
    """
    listing = list_images(folder, split)
    size = image_size or DEFAULT_SIZE
    cached = cache_folder() / "images" / f"{_key(listing, size, channels, background)}.safetensors"
    pixels = read_tensor(cached)
    if pixels is None:
        pixels = _decode_all(listing, size, channels, background)
        write_tensor(cached, pixels)
    labels = torch.tensor(listing.labels) if listing.class_names else None
    return Images(pixels, labels, listing.class_names, folder.resolve().name)


def _key(listing: Listing, size: int, channels: int | None, background: RGB) -> str:
    """A hash of all that the decoded pixels depend on, short of the files' content."""
    place = listing.root.resolve()
    key = hashlib.sha256(repr((_DECODER_VERSION, size, channels, background)).encode())
    key.update(os.fsencode(place))
    for file in listing.files:
        try:
            status = (place / file).stat()
        except OSError as error:
            raise SparseganError(
                f"The image {place / file} cannot be read ({error.strerror}): "
                f"replace it or take it out of the folder."
            ) from error
        if not stat.S_ISREG(status.st_mode):
            raise SparseganError(f"{place / file} is no file: take it out of the folder.")
        key.update(os.fsencode(f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}"))
    return key.hexdigest()[:32]


def _decode_all(listing: Listing, size: int, channels: int | None, background: RGB) -> Tensor:
    """uint8 ``(N, C, size, size)``, decoded by as many threads as there are processors."""
    pixels = np.empty((len(listing.files), channels or 3, size, size), dtype=np.uint8)

    def fill(start: int) -> bool:
        grey = True
        part: NDArray[np.uint8] = pixels[start : start + _CHUNK]
        for target, file in zip(part, listing.files[start:], strict=False):
            target[:], is_grey = decode(listing.root / file, size, len(target), background)
            grey = grey and is_grey
        return grey

    # Pillow lets other threads run while it decodes and resamples.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        all_grey = all(list(pool.map(fill, range(0, len(pixels), _CHUNK))))
    if channels is None and all_grey:
        pixels = np.ascontiguousarray(pixels[:, :1])
    return torch.from_numpy(pixels)
