"""What an exported generator is called, and the sentence on where it is from."""

from typing import Any

from sparsegan.export.frozen import Frozen

_NAMES = {
    "fashion-mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "cifar100-coarse": "CIFAR-100",
    "stl10": "STL-10",
    "stl10-labelled": "STL-10",
    "tiny-imagenet": "Tiny ImageNet",
}
"""How the makers of the official sets write them."""


def data_title(data: str) -> str:
    """The name of the images that a generator has learnt from, as a heading.

    Example:
        >>> data_title("fashion-mnist"), data_title("red_flowers"), data_title("hf:someone/cats")
        ('Fashion-MNIST', 'Red flowers', 'Someone/cats')
    """
    name = _NAMES.get(data) or data.removeprefix("hf:").replace("_", " ").strip()
    return name[:1].upper() + name[1:]


def title(frozen: Frozen) -> str:
    """The title that was asked for, or what the generator has learnt from."""
    return frozen.title or data_title(frozen.origin.get("data", "")) or "A sparse generator"


def origin(frozen: Frozen) -> str:
    """How it was trained, in one sentence."""
    made: dict[str, Any] = frozen.origin
    data = f" on {data_title(made['data'])}" if made.get("data") else ""
    method = f" by the method {made['method']}" if made.get("method") else ""
    network = "" if frozen.blueprint.is_own else f"{frozen.blueprint.network} "
    return (
        f"A {network}generator for {frozen.blueprint.image_size} × "
        f"{frozen.blueprint.image_size} pixels, trained{data} with sparsegan{method}, "
        f"{made.get('step', 0):,} steps."
    )
