"""Image tensors as PNG files: grids and folders."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.files import atomic_path


def grid(pixels: Tensor, columns: int) -> Image.Image:
    """Uint8 images `(N, C, H, W)` side by side in rows, without gaps; the last row may be short.

    Raises:
        SparseganError: There are no images, or they have neither 1 nor 3 channels.
    """
    count, channels, height, width = pixels.shape
    if count == 0 or channels not in (1, 3):
        raise SparseganError(f"a grid needs images of 1 or 3 channels, not {tuple(pixels.shape)}")
    rows = -(-count // columns)
    sheet = torch.zeros(rows * columns, channels, height, width, dtype=torch.uint8)
    sheet[:count] = pixels
    sheet = sheet.view(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    return to_image(sheet.reshape(rows * height, columns * width, channels))


def pairs(left: Tensor, right: Tensor, columns: int) -> Image.Image:
    """Uint8 images `(N, C, H, W)` each beside its partner, with white between the pairs."""
    count, channels, height, width = left.shape
    gap = max(2, width // 8)
    beside = torch.full((count, channels, height + gap, 2 * width + gap), 255, dtype=torch.uint8)
    beside[..., :height, :width] = left
    beside[..., :height, width : 2 * width] = right
    rest = -count % columns
    blank = torch.full((rest, *beside.shape[1:]), 255, dtype=torch.uint8)
    sheet = grid(torch.cat([beside, blank]), columns)
    return sheet.crop((0, 0, sheet.width - gap, sheet.height - gap))


def enlarged(image: Image.Image, times: int) -> Image.Image:
    """An image so many times as large, smoothly."""
    size = (image.width * times, image.height * times)
    return image if times == 1 else image.resize(size, Image.Resampling.BICUBIC)


def save_animation(path: Path, images: Sequence[Image.Image], rate: float) -> None:
    """Write images one after the other, again and again, as a GIF or a WebP.

    Args:
        path: Ends in .gif or .webp.
        images: Of one size.
        rate: Images a second; a GIF's are shown for whole hundredths of a second.

    Raises:
        SparseganError: The file cannot be written, or has another ending.
    """
    require_animation(path)
    kind = path.suffix[1:].upper()
    if kind == "GIF":
        images = _with_one_palette(images)
    duration = max(20, round(1000 / rate))
    options: dict[str, Any] = {"quality": 85, "method": 4} if kind == "WEBP" else {"optimize": True}
    with atomic_path(path) as temporary:
        images[0].save(
            temporary,
            format=kind,
            save_all=True,
            append_images=images[1:],
            duration=duration,
            loop=0,
            **options,
        )


def require_animation(path: Path) -> None:
    """Refuse what no animation can be written to.

    Raises:
        SparseganError: The name has the ending of another format.
    """
    if path.suffix.lower() not in (".gif", ".webp"):
        raise SparseganError(
            f"{path} is to be an animation: name a file that ends in .gif or .webp"
        )


def _with_one_palette(images: Sequence[Image.Image]) -> list[Image.Image]:
    """Colours of all images alike: a palette for each would have them flicker."""
    if images[0].mode == "L":
        return list(images)
    some = images[:: max(1, len(images) // 8)]
    sheet = Image.new("RGB", (some[0].width, some[0].height * len(some)))
    for index, image in enumerate(some):
        sheet.paste(image, (0, index * image.height))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [image.quantize(palette=palette) for image in images]


def to_image(pixels: Tensor) -> Image.Image:
    """Uint8 pixels `(H, W, C)` as an image, grey for C = 1."""
    array = pixels.contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def save_png(path: Path, image: Image.Image) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        SparseganError: The file cannot be written, or has the ending of another format.
    """
    require_png(path)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def require_png(path: Path) -> None:
    """Refuse what no PNG can be written to.

    Raises:
        SparseganError: The name has the ending of another format.
    """
    if path.suffix.lower() != ".png":
        raise SparseganError(f"{path} is to be a PNG: name a file that ends in .png")


def save_folder(folder: Path, pixels: Tensor, classes: Sequence[str] = ()) -> None:
    """Write each of the uint8 images `(N, C, H, W)` as 00000.png, 00001.png, … into a folder.

    Args:
        folder: New or empty.
        pixels: The images.
        classes: For each image the sub-folder that it lies in, less what could lead elsewhere;
            none: all lie in the folder itself.

    Raises:
        SparseganError: The folder exists and is not empty, or cannot be written.
    """
    require_new(folder)
    for number, image in enumerate(pixels):
        # A class's name may have come with an exported file, from anybody.
        inner = [re.sub(r"^\.|[^\w .()+-]", "_", classes[number])] if classes else []
        save_png(folder.joinpath(*inner, f"{number:05d}.png"), to_image(image.permute(1, 2, 0)))


def require_new(folder: Path) -> None:
    """Refuse to write into a folder that holds something.

    Raises:
        SparseganError: It does, or it is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SparseganError(f"{folder} exists and is not empty: choose a new folder")
