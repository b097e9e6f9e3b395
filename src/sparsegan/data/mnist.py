"""Data sets in MNIST's four IDX files: grey 28×28 images in ten classes."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sparsegan.data.idx import read_idx
from sparsegan.data.images import Images
from sparsegan.data.resize import resize_into
from sparsegan.errors import SparseganError

# Official names of the files: images and labels of a split.
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
NATIVE_SIZE = 28


def load_mnist(
    folder: Path,
    split: str,
    image_size: int | None,
    channels: int | None,
    *,
    class_names: tuple[str, ...],
    name: str,
) -> Images:
    """Read one split.

    Args:
        folder: Holds the split's two files under their official names, with or without ``.gz``.
        split: ``train`` or ``test``.
        image_size: Side in pixels; None is 28. 32 pads two black pixels on every side, which keeps
            every pixel as it is; other sides are resampled (Lanczos).
        channels: 1, or 3 for the same grey three times; None is 1.
        class_names: Names of the labels 0, 1, ….
        name: `Images.name`.

    Raises:
        SparseganError: A file is missing or damaged, or images and labels do not fit together.
    """
    images_path, labels_path = (_find(folder, file) for file in FILES[split])
    pixels, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if pixels.shape[1:] != (NATIVE_SIZE, NATIVE_SIZE):
        raise SparseganError(f"the images of {images_path} are not {NATIVE_SIZE}×{NATIVE_SIZE}")
    if len(pixels) != len(labels) or not len(labels):
        raise SparseganError(
            f"{images_path} has {len(pixels)} images and {labels_path} {len(labels)} labels: "
            f"both have to be of one split"
        )
    if labels.max() >= len(class_names):
        raise SparseganError(
            f"{labels_path} has label {labels.max()}, but there are {len(class_names)} classes"
        )
    fitted = _fit(pixels, image_size or NATIVE_SIZE)
    if channels == 3:
        fitted = fitted.repeat(1, 3, 1, 1)
    return Images(fitted, torch.from_numpy(labels).long(), class_names, name)


def _find(folder: Path, file: str) -> Path:
    for path in (folder / file, folder / f"{file}.gz"):
        if path.is_file():
            return path
    raise SparseganError(
        f"there is no {file} or {file}.gz in {folder}: put the official file there"
    )


def _fit(pixels: NDArray[np.uint8], size: int) -> Tensor:
    """uint8 ``(N, 28, 28)`` to a tensor ``(N, 1, size, size)``."""
    if size == NATIVE_SIZE:
        return torch.from_numpy(pixels).unsqueeze(1)
    if size == 32:
        return F.pad(torch.from_numpy(pixels).unsqueeze(1), (2, 2, 2, 2))
    resized = np.empty((len(pixels), 1, size, size), dtype=np.uint8)
    resize_into(resized, pixels[:, None])
    return torch.from_numpy(resized)
