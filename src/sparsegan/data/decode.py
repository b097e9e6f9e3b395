"""One image file, of any size and mode, to a square of bytes."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparsegan.errors import SparseganError

# Pillow is told the formats so that a file of another kind never reaches one of its other parsers.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
# To be raised whenever decoding or resampling gives other pixels, or other files are images.
_VERSION = 4
# Levels of a TIFF of which nobody knows what is white.
_UNSCALED = ("I", "F")

# Pillow reads files of these formats with 16 bits a channel.
_DEEP_FORMATS = ("PNG", "TIFF")


class BrokenImageError(SparseganError):
    """A file that is no image that can be read.

    Args:
        name: What to call the file in a message.
        reason: What is wrong with it, such as "cannot be read (image file is truncated)".
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the image {name} {reason}: replace it or take it away")
        self.name, self.reason = name, reason


class Facts(NamedTuple):
    """What an image file was before it was decoded.

    Attributes:
        grey: Whether it is a grey image.
        peak: Its highest level of 65,535, where it has 16 bits a channel; else None.
    """

    grey: bool
    peak: int | None


@dataclass(frozen=True)
class Decoding:
    """How image files become pixels.

    Attributes:
        size: Side of the squares in pixels (see `decode`).
        channels: 1 or 3; None is 1 where every image is grey, and else 3.
        background: RGB colour under transparent parts.
    """

    size: int
    channels: int | None
    background: RGB = WHITE

    def key(self, *content: object) -> str:
        """The name in the cache of what is decoded like this from ``content``."""
        return hashlib.sha256(repr((_VERSION, self, content)).encode()).hexdigest()[:32]


def decode(
    file: BinaryIO, name: str, size: int, channels: int, background: RGB
) -> tuple[NDArray[np.uint8], Facts]:
    """Read an image: upright by its EXIF tag, shorter side to ``size``, the middle cut out.

    Resampling is Pillow's Lanczos, which averages over all source pixels when it shrinks. The first
    frame of an animation is taken; 16 bits of grey become 8 by scaling.

    Args:
        file: The open file, which Pillow may jump about in.
        name: What to call it in a message.
        size: Side of the square, in pixels.
        channels: 1 for grey (ITU-R 601 luma), 3 for RGB.
        background: What transparent parts are laid over.

    Returns:
        The pixels, uint8 ``(channels, size, size)``, and what the file was.

    Raises:
        BrokenImageError: The file cannot be read as an image, is truncated or absurdly large.
    """
    try:
        with Image.open(file, formats=tuple(set(FORMATS.values()))) as opened:
            # A JPEG of many megapixels is decoded at a half, quarter or eighth of its size.
            opened.draft(None, (4 * size, 4 * size))
            if opened.format == "TIFF" and opened.mode in _UNSCALED:
                raise ValueError("its levels are neither of 8 nor of 16 bits")
            deep = opened.format in _DEEP_FORMATS and _is_deep(opened)
            upright = ImageOps.exif_transpose(opened)
            peak = _peak(upright) if deep else None
            image, grey = _plain(upright, background)
    except UnidentifiedImageError as error:
        kinds = ", ".join(dict.fromkeys(FORMATS.values()))
        raise BrokenImageError(name, f"is no image of a kind that is read ({kinds})") from error
    # Pillow's parsers meet damage with OSError, SyntaxError, struct.error, IndexError and others.
    except Exception as error:
        raise BrokenImageError(name, f"cannot be read ({error})") from error
    return fit(image, size, channels), Facts(grey, peak)


def fit(image: Image.Image, size: int, channels: int) -> NDArray[np.uint8]:
    """The middle square of an image of mode L or RGB, as uint8 ``(channels, size, size)``."""
    image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    if channels == 1:
        return np.asarray(image.convert("L"))[None]
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _is_deep(image: Image.Image) -> bool:
    """Whether a PNG or TIFF that is not decoded yet has more than 8 bits a channel."""
    return image.mode.startswith("I") or any(
        ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
    )


def _peak(image: Image.Image) -> int:
    """The highest level of a file of 16 bits a channel, of which Pillow keeps the upper 8 bits."""
    if image.mode.startswith("I"):
        return int(np.asarray(image).max(initial=0))
    bands = [band for band in image.getbands() if band != "A"]
    return max(257 * int(np.asarray(image.getchannel(band)).max(initial=0)) for band in bands)


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
