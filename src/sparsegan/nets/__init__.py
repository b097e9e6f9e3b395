"""Generators and discriminators, by name.

Example:
    >>> G, D = build("dcgan", image_size=28, channels=1, generator_width=8)
    >>> G.latent_dim, G.image_size, G.channels, G.classes
    (128, 28, 1, None)
    >>> G, D = build("biggan", image_size=32, channels=3, classes=10, generator_width=8)
    >>> "biggan" in CONDITIONAL, G.classes, D.classes
    (True, 10, 10)
"""

from sparsegan.errors import SparseganError, require_positive
from sparsegan.nets.architectures import ARCHITECTURES, CONDITIONAL, Architecture, find
from sparsegan.nets.base import Discriminator, Generator
from sparsegan.nets.init import SCHEMES, initialise

__all__ = ["CONDITIONAL", "NAMES", "SCHEMES", "Discriminator", "Generator", "build", "initialise"]

NAMES = tuple(ARCHITECTURES)
"""The names that `build` knows."""


def build(
    name: str,
    *,
    image_size: int,
    channels: int,
    generator_width: int | None = None,
    discriminator_width: int | None = None,
    latent_dim: int | None = None,
    classes: int | None = None,
) -> tuple[Generator, Discriminator]:
    """The generator and the discriminator of an architecture, on the CPU, in training mode.

    The weights are PyTorch's ordinary draws; `initialise` makes them a function of a seed.

    Args:
        name: One of `NAMES`.
        image_size: Height and width of the images in pixels.
        channels: Channels of the images.
        generator_width: Base number of channels in the generator; None is the published width.
        discriminator_width: The same for the discriminator.
        latent_dim: Length of a noise vector; None is the published one. `cyclegan` has none.
        classes: Number of classes, for the names in `CONDITIONAL` and for them alone.

    Returns:
        G, which maps `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in
        [-1, 1], and D, which maps such images to scores (logits) of shape `(N,)`. Conditional
        networks take labels as second input, int64 `(N,)`. For `cyclegan`, G maps images to
        images, and D to scores of patches, `(N, h, w)`.

    Raises:
        SparseganError: for an unknown name, a size the architecture does not have, a width or
            count that is not positive, or `latent_dim` or `classes` that do not suit it.
    """
    architecture = find(name, image_size)
    g_width = architecture.generator_width if generator_width is None else generator_width
    d_width = (
        architecture.discriminator_width if discriminator_width is None else discriminator_width
    )
    require_positive(
        channels=channels,
        generator_width=g_width,
        discriminator_width=d_width,
        latent_dim=latent_dim,
        classes=classes,
    )
    shape = {"image_size": image_size, "channels": channels}
    shape |= _classes(name, classes)
    latent_dim = _latent_dim(name, architecture, latent_dim)
    return (
        architecture.generator(**shape, width=g_width, latent_dim=latent_dim),
        architecture.discriminator(**shape, width=d_width),
    )


def _classes(name: str, classes: int | None) -> dict[str, int]:
    if name in CONDITIONAL and classes is None:
        raise SparseganError(
            f"{name} makes images of a class: set classes to the number of classes of the images"
        )
    if name not in CONDITIONAL and classes is not None:
        names = " or ".join(sorted(CONDITIONAL))
        raise SparseganError(f"{name} takes no labels: leave classes out or choose {names}")
    return {} if classes is None else {"classes": classes}


def _latent_dim(name: str, architecture: Architecture, latent_dim: int | None) -> int:
    if architecture.latent_dim == 0 and latent_dim is not None:
        raise SparseganError(f"{name} makes images out of images: leave latent_dim out")
    return architecture.latent_dim if latent_dim is None else latent_dim
