"""What has to be known of a generator to build it again where no run is."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, remove_spectral_norm
from torch.nn.utils.spectral_norm import SpectralNorm

from sparsegan.errors import SparseganError
from sparsegan.nets import CONDITIONAL, own
from sparsegan.nets.architectures import find

MOST_WEIGHTS = 2**30
"""No generator has more: 15 times the largest published one here, and 4 GiB as float32."""
_LARGEST_SIZE = 2**16


@dataclass(frozen=True)
class Blueprint:
    """The arguments of a generator.

    Attributes:
        network: Name of the architecture, one of `nets.NAMES`, or `my.module:Class` (see
            `nets.own`) where the generator is one's own.
        image_size: Height and width of an image, in pixels.
        channels: Channels of an image.
        width: Base number of channels; None: one's own, with the width that it has.
        latent_dim: Length of a noise vector; 0: the generator takes images.
        classes: Number of classes of a class-conditional network, else None.

    Raises:
        SparseganError: A value cannot be that of a generator.
    """

    network: str
    image_size: int
    channels: int
    width: int | None
    latent_dim: int
    classes: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            may_be_none = ("classes", "width") if self.is_own else ("classes",)
            if field.name == "network" or (field.name in may_be_none and value is None):
                continue
            least = 0 if field.name == "latent_dim" and self.network == "cyclegan" else 1
            if type(value) is not int or not least <= value <= _LARGEST_SIZE:
                raise SparseganError(
                    f"{field.name} is {value!r}: it must be a whole number from {least} to "
                    f"{_LARGEST_SIZE}"
                )
        if not self.is_own and (self.network in CONDITIONAL) != (self.classes is not None):
            raise SparseganError(f"{self.network} does not go with classes {self.classes}")

    @property
    def is_own(self) -> bool:
        """Whether the generator is one's own, and no architecture of this package."""
        return ":" in self.network

    def build(self, maker: own.Maker | None = None) -> nn.Module:
        """The generator: its layers and shapes, and no weights that count.

        It is on the meta device and takes no memory, unless it is one's own.

        Args:
            maker: What makes one's own. It is never `network`, which may have been read from a
                file: a file does not say what code to run.

        Raises:
            SparseganError: The architecture does not exist, does not make such images, or would
                have more than `MOST_WEIGHTS` weights; or the maker makes no such generator.
        """
        settings = asdict(self)
        name = settings.pop("network")
        if maker is not None:
            return own.generator(maker, **settings, random_stream=torch.Generator().manual_seed(0))
        make = find(name, self.image_size).generator
        if self.classes is None:
            del settings["classes"]
        with torch.device("meta"):
            generator: nn.Module = make(**settings)
        weights = sum(parameter.numel() for parameter in generator.parameters())
        if weights > MOST_WEIGHTS:
            raise SparseganError(
                f"a generator of {weights:,} weights is too large: at most {MOST_WEIGHTS:,} "
                "can be loaded"
            )
        return generator

    def inputs(self) -> tuple[Tensor, ...]:
        """What the generator is called with, for one image; the numbers are zeros."""
        first = torch.zeros(1, self.latent_dim)
        if not self.latent_dim:
            first = torch.zeros(1, self.channels, self.image_size, self.image_size)
        labels = [] if self.classes is None else [torch.zeros(1, dtype=torch.int64)]
        return (first, *labels)

    def as_json(self) -> dict[str, Any]:
        """The arguments as JSON values, for `Blueprint(**…)`."""
        return asdict(self)


def fold(network: nn.Module) -> None:
    """Divide the weights under spectral norm by it, once and for all; the norm is gone then."""
    network.eval()  # in training mode reading a weight would move its singular vectors
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, SpectralNorm):  # the older form, in networks of one's own
                remove_spectral_norm(module, hook.name)
