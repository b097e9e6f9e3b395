"""The registry of official sources, and the one function that reads them."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from sparsegan.data import cifar, class_names, huggingface
from sparsegan.data.decode import RGB, WHITE
from sparsegan.data.decode_all import NO_SKIP
from sparsegan.data.folder import load_folder
from sparsegan.data.images import Images
from sparsegan.data.mnist import load_mnist
from sparsegan.data.pairs import read_sides
from sparsegan.data.stl10 import load_stl10
from sparsegan.data.tiny_imagenet import load_tiny_imagenet
from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.nearest import did_you_mean

FOLDER = "folder"
"""The source of image files of anybody's."""
_SAMPLE = Path(__file__).parent / "fashion_mnist"


class Source(Protocol):
    """Reads one split of a data set; `load` has checked the arguments."""

    def __call__(
        self,
        path: Path | None,
        split: str,
        image_size: int | None,
        channels: int | None,
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
    held_out: str | None = None,
    skip_broken: float = NO_SKIP,
) -> Images:
    """Read a split of a data set.

    Args:
        source: A name in `SOURCES`, `FOLDER`, or ``hf:`` and the name of a data set of the Hugging
            Face hub (see `huggingface.load_huggingface`). ``fashion-mnist`` without a path is the
            sample inside the package (9,000 + 2,000 images) and with one the whole set; ``mnist``
            always needs a path; ``cifar10``, ``cifar100`` (fine labels), ``cifar100-coarse``,
            ``stl10`` (trains on the images without labels), ``stl10-labelled`` and
            ``tiny-imagenet`` are downloaded where there is no path; ``folder``: image files (see
            `folder.load_folder`).
        path: Where the data are: the folder of the four official IDX files; the official archive
            or the folder that it was unpacked to; the folder or archive of image files.
        split: ``train`` or ``test``; the two never share an image.
        image_size: Side in pixels; None is 28 for the IDX sources, 48 for STL-10, 64 for Tiny
            ImageNet and 32 for others.
        channels: 1 or 3; None is 1 for grey images and 3 for others.
        background: RGB colour, 0 to 255 each, that transparent parts are laid over.
        held_out: Of image files alone: the test split (see `folder.load_folder`).
        skip_broken: Of image files alone: how many may be broken, which are passed over: a whole
            number, or a share below 1.

    Raises:
        SparseganError: An argument is wrong, or the data are missing or damaged.

    Example:
        >>> images = load("fashion-mnist", split="test", image_size=32)
        >>> tuple(images.pixels.shape), images.class_names[:2]
        ((2000, 1, 32, 32), ('t-shirt', 'trouser'))
    """
    hub, _, name = source.partition(huggingface.PREFIX)
    on_hub = not hub and bool(name)
    names = (*SOURCES, FOLDER)
    if not on_hub and source not in names:
        hint = did_you_mean(source, names, f"take one of {', '.join(names)}", cutoff=0.4)
        raise SparseganError(f"there is no data source {source!r}: {hint}")
    colour = _checked(split, image_size, channels, background, skip_broken)
    if source == FOLDER:
        folder = _required(None if path is None else expanded(path), source)
        return load_folder(
            folder, split, image_size, channels, colour, held_out=held_out, skip=skip_broken
        )
    for name_of, value in (("held_out", held_out), ("skip_broken", skip_broken)):
        if value:
            raise SparseganError(
                f"data.{name_of} is {value}, which is for a folder or archive of image files, and "
                f"the data source is {source}: leave it out"
            )
    if on_hub:
        if path is not None:
            raise SparseganError(f"the data source {source} takes no path: leave data.path out")
        return huggingface.load_huggingface(name, split, image_size, channels, colour)
    path = None if path is None else expanded(path)
    return SOURCES[source](path, split, image_size, channels)


def load_pair(
    path: str | Path,
    *,
    split: str = "train",
    image_size: int | None = None,
    channels: int | None = None,
    background: RGB = WHITE,
    skip_broken: float = NO_SKIP,
) -> tuple[Images, Images]:
    """Read two sets of images without a pairing, as CycleGAN learns from.

    Args:
        path: A folder, or an archive of one, with the folders trainA, trainB, testA and testB.
        split: ``train`` or ``test``.
        image_size: As in `load`; None is 32.
        channels: As in `load`, and the same for both; None is 1 where both are grey.
        background: As in `load`.
        skip_broken: As in `load`, of each set.

    Returns:
        The images of A and of B, without labels.

    Raises:
        SparseganError: An argument is wrong, or the data are missing or damaged.
    """
    colour = _checked(split, image_size, channels, background, skip_broken)
    return read_sides(expanded(path), split, image_size, channels, colour, skip_broken)


def _checked(
    split: str,
    image_size: int | None,
    channels: int | None,
    background: RGB,
    skip_broken: float,
) -> RGB:
    if split not in ("train", "test"):
        raise SparseganError(f"there is no split {split!r}: take train or test")
    if image_size is not None and image_size < 1:
        raise SparseganError(f"image_size has to be at least 1 pixel, not {image_size}")
    if channels not in (None, 1, 3):
        raise SparseganError(f"channels has to be 1 (grey) or 3 (RGB), not {channels}")
    most = 1 if isinstance(skip_broken, float) else math.inf
    if isinstance(skip_broken, bool) or not 0 <= skip_broken < most:
        raise SparseganError(
            f"data.skip_broken has to be a number of files such as 10, or a share of them below 1 "
            f"such as 0.01, not {skip_broken}"
        )
    if len(background) != 3 or not all(0 <= level <= 255 for level in background):
        raise SparseganError(f"background has to be three levels from 0 to 255, not {background!r}")
    red, green, blue = background
    # A list, as a YAML file gives it, would not do in the cache's key.
    return red, green, blue


def _fashion_mnist(
    path: Path | None, split: str, image_size: int | None, channels: int | None
) -> Images:
    # Only an explicit path leads to the whole set, so that results do not depend on the machine.
    folder, name = (_SAMPLE, "fashion-mnist-sample") if path is None else (path, "fashion-mnist")
    return load_mnist(
        folder, split, image_size, channels, class_names=class_names.FASHION_MNIST, name=name
    )


def _mnist(path: Path | None, split: str, image_size: int | None, channels: int | None) -> Images:
    folder, digits = _required(path, "mnist"), class_names.MNIST
    return load_mnist(folder, split, image_size, channels, class_names=digits, name="mnist")


def _cifar(kind: cifar.Cifar) -> Source:
    def load_kind(
        path: Path | None, split: str, image_size: int | None, channels: int | None
    ) -> Images:
        return cifar.load_cifar(kind, path, split, image_size, channels)

    return load_kind


def _stl10(labelled: bool) -> Source:
    def load_part(
        path: Path | None, split: str, image_size: int | None, channels: int | None
    ) -> Images:
        return load_stl10(path, split, image_size, channels, labelled=labelled)

    return load_part


def _tiny_imagenet(
    path: Path | None, split: str, image_size: int | None, channels: int | None
) -> Images:
    return load_tiny_imagenet(path, split, image_size, channels)


def _required(path: Path | None, source: str) -> Path:
    if path is None:
        raise SparseganError(f"the data source {source} needs a path: name the folder of its files")
    return path


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "fashion-mnist": _fashion_mnist,
        "mnist": _mnist,
        "cifar10": _cifar(cifar.CIFAR10),
        "cifar100": _cifar(cifar.CIFAR100),
        "cifar100-coarse": _cifar(cifar.CIFAR100_COARSE),
        "stl10": _stl10(labelled=False),
        "stl10-labelled": _stl10(labelled=True),
        "tiny-imagenet": _tiny_imagenet,
    }
)
