"""DCGAN's generator, smoothing what each stage has made larger: the network of a trial.

A transposed convolution of stride two makes the pixels of even and of odd rows and columns with
different weights. Where most of them are masked, each of the four kinds of pixels has others left.
The binomial filter (1, 2, 1) / 4 along both axes makes one of the four; StyleGAN has it behind
every such convolution (Karras et al. 2019, after Zhang 2019).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsegan.nets.dcgan import GENERATOR_WIDTH, DCGANGenerator


class Smooth(DCGANGenerator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(
        self,
        *,
        image_size: int,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(
            image_size=image_size, channels=channels, width=width, latent_dim=latent_dim
        )
        self.filters = nn.ModuleList(Filter(stage.conv.out_channels) for stage in self.stages)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = F.relu(self.norm(self.linear(z).unflatten(1, (-1, self.start, self.start))))
        for stage, smooth in zip(self.stages, self.filters, strict=True):
            h = F.relu(stage.norm(smooth(stage.conv(h))))
        image: Tensor = self.conv(h)
        return image.tanh()


class Filter(nn.Module):
    """Maps `(N, C, H, W)` filtered by (1, 2, 1) / 4 along both axes, zeros around them."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(binomial, binomial).expand(channels, 1, 3, 3).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The maps, smooth."""
        return F.conv2d(x.contiguous(), self.kernel, padding=1, groups=len(self.kernel))
