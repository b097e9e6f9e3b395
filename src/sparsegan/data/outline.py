"""What is known of the official data sets without having them."""

from dataclasses import dataclass

import torch

from sparsegan.data import class_names, mnist, stl10, tiny_imagenet
from sparsegan.data.images import Images


@dataclass(frozen=True)
class Facts:
    """A training split, as `load` gives it without other arguments.

    Attributes:
        count: How many images it has.
        side: Their height and width in pixels.
        channels: 1 for grey, 3 for colour.
        classes: The names of the classes; empty where there are none.
    """

    count: int
    side: int
    channels: int
    classes: tuple[str, ...]


# The names of Tiny ImageNet's classes are in its archive alone.
_TINY_IMAGENET = tuple(f"class {number}" for number in range(200))

FACTS = {
    "mnist": Facts(60_000, mnist.NATIVE_SIZE, 1, class_names.MNIST),
    "cifar10": Facts(50_000, 32, 3, class_names.CIFAR10),
    "cifar100": Facts(50_000, 32, 3, class_names.CIFAR100),
    "cifar100-coarse": Facts(50_000, 32, 3, class_names.CIFAR100_COARSE),
    "stl10": Facts(100_000, stl10.DEFAULT_SIZE, 3, ()),
    "stl10-labelled": Facts(5_000, stl10.DEFAULT_SIZE, 3, class_names.STL10),
    "tiny-imagenet": Facts(100_000, tiny_imagenet.SIDE, 3, _TINY_IMAGENET),
}
"""By the names of `sources.SOURCES`; what is in the package or anybody's own is not here."""


def outline(
    source: str, *, image_size: int | None = None, channels: int | None = None
) -> Images | None:
    """As many black images as the training split of a source has, of its size and its classes.

    Args:
        source: A name in `sources.SOURCES`.
        image_size: As in `load`.
        channels: As in `load`.

    Returns:
        See `blank`; None where nothing is known of the source.

    Example:
        >>> images = outline("cifar10")
        >>> tuple(images.pixels.shape), len(images.class_names)
        ((50000, 3, 32, 32), 10)
    """
    if source not in FACTS:
        return None
    facts = FACTS[source]
    side = image_size or facts.side
    return blank(source, facts.count, side, channels or facts.channels, facts.classes)


def blank(name: str, count: int, side: int, channels: int, classes: tuple[str, ...] = ()) -> Images:
    """Black images that take no memory, labelled in turns where there are classes.

    They stand for data where only the shape matters, such as for the cost of training.
    """
    black = torch.zeros(1, 1, 1, 1, dtype=torch.uint8)
    labels = torch.arange(count) % len(classes) if classes else None
    return Images(black.expand(count, channels, side, side), labels, classes, name)
