"""Images that are arrays already, in another size or with another number of channels."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsegan.data.decode import fit


def resize_into(target: NDArray[np.uint8], images: NDArray[np.uint8]) -> None:
    """Write images into an array, resampled by Pillow's Lanczos filter where sizes differ.

    The filter averages over all source pixels when it shrinks. Colour becomes grey by the luma of
    ITU-R 601, and grey becomes three equal channels.

    Args:
        target: uint8 ``(N, c, size, size)``.
        images: uint8 ``(N, C, H, W)`` with ``C`` 1 or 3.
    """
    if target.shape == images.shape:
        target[:] = images
        return
    channels, size, _ = target.shape[1:]

    def convert(index: int) -> None:
        pixels = images[index]
        grey = len(pixels) == 1
        image = Image.fromarray(
            pixels[0] if grey else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        )
        target[index] = fit(image, size, channels)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(convert, range(len(images)), chunksize=64))
