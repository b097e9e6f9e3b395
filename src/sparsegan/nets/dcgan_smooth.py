"""DCGAN whose generator smooths what it has made larger, for 28 to 256 pixels.

A transposed convolution of stride two makes the pixels of even and of odd rows and columns with
different weights: with the sixteen of a 4x4 kernel, four for each of the four kinds of pixels.
Where nine in ten are masked, the four kinds have others left, and maps get the pattern of a
chessboard, which the layers that follow have too few weights to take away. The binomial filter
(1, 2, 1) / 4 along both axes does, which StyleGAN has behind every such convolution (Karras et al.
2019, after Zhang 2019). The discriminator is that of `dcgan`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsegan.nets.dcgan import DCGANGenerator, UpStage


class _Smooth(nn.Module):
    """Maps `(N, C, H, W)` filtered by (1, 2, 1) / 4 along both axes, zeros around them."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(binomial, binomial).expand(channels, 1, 3, 3).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x.contiguous(), self.kernel, padding=1, groups=len(self.kernel))


class _SmoothStage(UpStage):
    """Transposed convolution that doubles the size, filter, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        self.smooth = _Smooth(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.smooth(self.conv(x))))


class DCGANSmoothGenerator(DCGANGenerator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    stage = _SmoothStage
