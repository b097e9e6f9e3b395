"""Image tensors as PNG files: grids and folders."""

import re
from collections.abc import Sequence
from pathlib import Path

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


def to_image(pixels: Tensor) -> Image.Image:
    """Uint8 pixels `(H, W, C)` as an image, grey for C = 1."""
    array = pixels.contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def save_png(path: Path, image: Image.Image) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        SparseganError: The file cannot be written, or has the ending of another format.
    """
    if path.suffix.lower() != ".png":
        raise SparseganError(f"{path} is to be a PNG: name a file that ends in .png")
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


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
