"""Generators and discriminators, by name.

Example:
    >>> G, D = build("dcgan", image_size=28, channels=1, generator_width=8)
    >>> G.latent_dim, G.image_size, G.channels
    (128, 28, 1)
"""

import difflib
from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from sparsegan.errors import SparseganError
from sparsegan.nets import dcgan, sngan
from sparsegan.nets.base import Generator
from sparsegan.nets.init import SCHEMES, initialise

__all__ = ["NAMES", "SCHEMES", "Generator", "build", "initialise"]


class _Family(NamedTuple):
    generator: Callable[..., Generator]
    discriminator: Callable[..., nn.Module]
    image_sizes: tuple[int, ...]
    generator_width: int
    discriminator_width: int


_FAMILIES = {
    "dcgan": _Family(
        dcgan.DCGANGenerator,
        dcgan.DCGANDiscriminator,
        dcgan.IMAGE_SIZES,
        dcgan.GENERATOR_WIDTH,
        dcgan.DISCRIMINATOR_WIDTH,
    ),
    "sngan": _Family(
        sngan.SNGANGenerator,
        sngan.SNGANDiscriminator,
        sngan.IMAGE_SIZES,
        sngan.GENERATOR_WIDTH,
        sngan.DISCRIMINATOR_WIDTH,
    ),
}

NAMES = tuple(_FAMILIES)
"""The names that `build` knows."""


def build(
    name: str,
    *,
    image_size: int,
    channels: int,
    generator_width: int | None = None,
    discriminator_width: int | None = None,
    latent_dim: int = 128,
) -> tuple[Generator, nn.Module]:
    """The generator and the discriminator of an architecture, on the CPU, in training mode.

    The weights are PyTorch's ordinary draws; `initialise` makes them a function of a seed.

    Args:
        name: One of `NAMES`.
        image_size: Height and width of the images in pixels.
        channels: Channels of the images.
        generator_width: Base number of channels in the generator; None is the published width.
        discriminator_width: The same for the discriminator.
        latent_dim: Length of a noise vector.

    Returns:
        G, which maps `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in
        [-1, 1], and D, which maps such images to scores (logits) of shape `(N,)`.

    Raises:
        SparseganError: for an unknown name, a size the architecture does not have, or a width
            or count that is not positive.
    """
    family = _family(name)
    _check_size(name, family, image_size)
    g_width = family.generator_width if generator_width is None else generator_width
    d_width = family.discriminator_width if discriminator_width is None else discriminator_width
    positive = {
        "channels": channels,
        "generator_width": g_width,
        "discriminator_width": d_width,
        "latent_dim": latent_dim,
    }
    for setting, value in positive.items():
        if value < 1:
            raise SparseganError(f"{setting} is {value}: it must be at least 1")
    shape = {"image_size": image_size, "channels": channels}
    return (
        family.generator(**shape, width=g_width, latent_dim=latent_dim),
        family.discriminator(**shape, width=d_width),
    )


def _family(name: str) -> _Family:
    if name not in _FAMILIES:
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.0)[0]
        raise SparseganError(
            f"there is no architecture {name!r}: did you mean {near!r} (known: {', '.join(NAMES)})?"
        )
    return _FAMILIES[name]


def _check_size(name: str, family: _Family, image_size: int) -> None:
    if image_size in family.image_sizes:
        return
    sizes = " or ".join(map(str, family.image_sizes))
    others = [other for other, f in _FAMILIES.items() if image_size in f.image_sizes]
    remedy = f"choose image_size {sizes}" + "".join(f" or the architecture {o}" for o in others)
    raise SparseganError(f"{name} does not make images of {image_size} pixels: {remedy}")
