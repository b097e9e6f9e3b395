"""Which architectures there are, for which image sizes, and their published settings."""

from collections.abc import Callable
from typing import NamedTuple

from sparsegan.errors import SparseganError
from sparsegan.nearest import nearest_name
from sparsegan.nets import biggan, biggan32, cyclegan, dcgan, resnet, sngan
from sparsegan.nets.base import Discriminator, Generator


class Architecture(NamedTuple):
    """A pair of networks for one image size.

    Attributes:
        generator: Makes the generator.
        discriminator: Makes the discriminator.
        generator_width: Published base number of channels.
        discriminator_width: The same of the discriminator.
        latent_dim: Published length of the noise; 0 where the generator takes images.
    """

    generator: Callable[..., Generator]
    discriminator: Callable[..., Discriminator]
    generator_width: int
    discriminator_width: int
    latent_dim: int = 128


_SNGAN = Architecture(
    sngan.SNGANGenerator,
    sngan.SNGANDiscriminator,
    sngan.GENERATOR_WIDTH,
    sngan.DISCRIMINATOR_WIDTH,
)
_RESNET = Architecture(
    resnet.ResNetGenerator,
    resnet.ResNetDiscriminator,
    resnet.GENERATOR_WIDTH,
    resnet.DISCRIMINATOR_WIDTH,
)
_BIGGAN32 = Architecture(
    biggan32.BigGAN32Generator,
    biggan32.BigGAN32Discriminator,
    biggan32.GENERATOR_WIDTH,
    biggan32.DISCRIMINATOR_WIDTH,
)
_BIGGAN = {
    size: Architecture(
        biggan.BigGANGenerator,
        biggan.BigGANDiscriminator,
        layout.width,
        layout.width,
        layout.latent_dim,
    )
    for size, layout in biggan.LAYOUTS.items()
}
_DCGAN = Architecture(
    dcgan.DCGANGenerator,
    dcgan.DCGANDiscriminator,
    dcgan.GENERATOR_WIDTH,
    dcgan.DISCRIMINATOR_WIDTH,
)
_CYCLEGAN = Architecture(
    cyclegan.CycleGANGenerator,
    cyclegan.CycleGANDiscriminator,
    cyclegan.GENERATOR_WIDTH,
    cyclegan.DISCRIMINATOR_WIDTH,
    latent_dim=0,
)

ARCHITECTURES: dict[str, dict[int, Architecture]] = {
    "dcgan": dict.fromkeys(dcgan.STAGES, _DCGAN),
    "sngan": {32: _SNGAN} | dict.fromkeys(resnet.STARTS, _RESNET),
    "biggan": {32: _BIGGAN32} | _BIGGAN,
    "cyclegan": dict.fromkeys(cyclegan.RESIDUAL_BLOCKS, _CYCLEGAN),
}
"""Name -> image size -> architecture."""
CONDITIONAL = frozenset({"biggan"})
"""The names whose networks take labels."""


def alike(name: str) -> list[str]:
    """The architectures that can take the place of one: noise to images, or images to images."""

    def takes_noise(name: str) -> bool:
        return any(architecture.latent_dim for architecture in ARCHITECTURES[name].values())

    return [other for other in ARCHITECTURES if takes_noise(other) == takes_noise(name)]


def find(name: str, image_size: int) -> Architecture:
    """The architecture of a name for an image size.

    Raises:
        SparseganError: for an unknown name, or a size the architecture does not have.
    """
    if name not in ARCHITECTURES:
        known = tuple(ARCHITECTURES)
        near = nearest_name(name, known, cutoff=0.0)
        raise SparseganError(
            f"there is no architecture {name!r}: did you mean {near!r} (known: {', '.join(known)})?"
        )
    by_size = ARCHITECTURES[name]
    if image_size not in by_size:
        sizes = " or ".join(map(str, by_size))
        others = [other for other in alike(name) if image_size in ARCHITECTURES[other]]
        remedy = f"choose image_size {sizes}" + "".join(f" or the architecture {o}" for o in others)
        raise SparseganError(f"{name} does not make images of {image_size} pixels: {remedy}")
    return by_size[image_size]
