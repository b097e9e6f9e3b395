"""The registry of sources, and the one function that reads them."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from sparsegan.data.decode import RGB
from sparsegan.data.folder import load_folder
from sparsegan.data.images import Images
from sparsegan.data.mnist import load_mnist
from sparsegan.errors import SparseganError

WHITE: RGB = (255, 255, 255)
_SAMPLE = Path(__file__).parent / "fashion_mnist"
_FASHION_CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


class Source(Protocol):
    """Reads one split of a data set; `load` has checked the arguments."""

    def __call__(
        self,
        path: Path | None,
        split: str,
        image_size: int | None,
        channels: int | None,
        background: RGB,
    ) -> Images:
        """One split, as `load` describes it."""
        ...


def load(
    source: str,
    path: str | Path | None = None,
    *,
    split: str = "train",
    image_size: int | None = None,
    channels: int | None = None,
    background: RGB = WHITE,
) -> Images:
    """Read a split of a data set into memory.

    Args:
        source: A name in `SOURCES`. ``fashion-mnist``: without a path the sample inside the
            package (9,000 + 2,000 images), with one the whole set; ``mnist``: likewise, but never
            without a path; ``folder``: image files (see `folder.load_folder`).
        path: A folder: of the four official IDX files, or of image files.
        split: ``train`` or ``test``; the two never share an image.
        image_size: Side in pixels; None is 28 for the IDX sources and 32 for a folder.
        channels: 1 or 3; None is 1 for grey images and 3 for others.
        background: RGB colour, 0 to 255 each, that transparent parts are laid over.

    Raises:
        SparseganError: An argument is wrong, or the data are missing or damaged.

    Example:
        >>> images = load("fashion-mnist", split="test", image_size=32)
        >>> tuple(images.pixels.shape), images.class_names[:2]
        ((2000, 1, 32, 32), ('t-shirt', 'trouser'))
    """
    if source not in SOURCES:
        near = difflib.get_close_matches(source, SOURCES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"take one of {', '.join(SOURCES)}."
        raise SparseganError(f"There is no data source {source!r}: {hint}")
    if split not in ("train", "test"):
        raise SparseganError(f"There is no split {split!r}: take train or test.")
    if image_size is not None and image_size < 1:
        raise SparseganError(f"image_size has to be at least 1 pixel, not {image_size}.")
    if channels not in (None, 1, 3):
        raise SparseganError(f"channels has to be 1 (grey) or 3 (RGB), not {channels}.")
    if len(background) != 3 or not all(0 <= level <= 255 for level in background):
        raise SparseganError(
            f"background has to be three levels from 0 to 255, not {background!r}."
        )
    red, green, blue = background
    folder = None if path is None else Path(path).expanduser()
    return SOURCES[source](folder, split, image_size, channels, (red, green, blue))


def _fashion_mnist(
    path: Path | None, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    # Only an explicit path leads to the whole set, so that results do not depend on the machine.
    folder, name = (_SAMPLE, "fashion-mnist-sample") if path is None else (path, "fashion-mnist")
    return load_mnist(folder, split, image_size, channels, class_names=_FASHION_CLASSES, name=name)


def _mnist(
    path: Path | None, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    folder, digits = _required(path, "mnist"), tuple("0123456789")
    return load_mnist(folder, split, image_size, channels, class_names=digits, name="mnist")


def _folder(
    path: Path | None, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    return load_folder(_required(path, "folder"), split, image_size, channels, background)


def _required(path: Path | None, source: str) -> Path:
    if path is None:
        raise SparseganError(
            f"The data source {source} needs a path: name the folder of its files."
        )
    return path


SOURCES: Mapping[str, Source] = MappingProxyType(
    {"fashion-mnist": _fashion_mnist, "mnist": _mnist, "folder": _folder}
)
