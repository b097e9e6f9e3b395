"""One image file, of any size and mode, to a square of bytes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sparsegan.errors import SparseganError

# Pillow is told the formats so that a file of another kind never reaches one of its other parsers.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
}
RGB = tuple[int, int, int]


def decode(path: Path, size: int, channels: int, background: RGB) -> tuple[NDArray[np.uint8], bool]:
    """Read an image: upright by its EXIF tag, shorter side to ``size``, the middle cut out.

    Resampling is Pillow's Lanczos, which averages over all source pixels when it shrinks. Of an
    animation the first frame is taken; 16 bits of grey become 8 by scaling.

    Args:
        path: The file.
        size: Side of the square, in pixels.
        channels: 1 for grey (ITU-R 601 luma), 3 for RGB.
        background: What transparent parts are laid over.

    Returns:
        The pixels, uint8 ``(channels, size, size)``, and whether the file is a grey image.

    Raises:
        SparseganError: The file cannot be read as an image, is truncated or absurdly large.
    """
    try:
        with Image.open(path, formats=tuple(set(FORMATS.values()))) as file:
            # A JPEG of many megapixels is decoded at a half, quarter or eighth of its size.
            file.draft(None, (4 * size, 4 * size))
            image, grey = _plain(ImageOps.exif_transpose(file), background)
    # Pillow's parsers meet damage with OSError, SyntaxError, struct.error, IndexError and others.
    except Exception as error:
        raise SparseganError(
            f"The image {path} cannot be read ({error}): replace it or take it out of the folder."
        ) from error
    image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    if channels == 1:
        return np.asarray(image.convert("L"))[None], grey
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1), grey


def _plain(image: Image.Image, background: RGB) -> tuple[Image.Image, bool]:
    """An opaque image of mode L or RGB, and whether the given one is grey."""
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.float64).clip(0, 65535)
        return Image.fromarray((levels / 257).round().astype(np.uint8)), True
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        below = Image.new("RGBA", image.size, background)
        image = Image.alpha_composite(below, image.convert("RGBA"))
        # On a coloured background a grey image is one no longer.
        grey = grey and len(set(background)) == 1
    return image.convert("L" if grey else "RGB"), grey
