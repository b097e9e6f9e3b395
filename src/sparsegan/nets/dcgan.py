"""A convolutional pair for 28 to 256 pixels: the quickest networks here.

The generator is that of DCGAN (Radford et al. 2016) with the 3x3 output layer of Miyato et al.
2018 (table 3, the "standard CNN"); the discriminator is DCGAN's under spectral normalisation in
place of batch normalisation, with Miyato's slope of 0.1. Width W = 64 is that of both papers:

| generator, 32 pixels          |          | discriminator, 32 pixels   |           |
| ----------------------------- | -------- | -------------------------- | --------- |
| noise                         | 128      | image                      | 3 x 32²   |
| linear, BN, ReLU              | 8W x 4²  | conv4 / 2, leaky ReLU      | W x 16²   |
| transposed conv4 x 2, BN, ReLU| 4W x 8²  | conv4 / 2, leaky ReLU      | 2W x 8²   |
| the same                      | 2W x 16² | conv4 / 2, leaky ReLU      | 4W x 4²   |
| the same                      | W x 32²  | linear                     | 1         |
| conv3, tanh                   | 3 x 32²  |                            |           |

28 pixels start at 7² with one stage less, 48 pixels at 6², 64 pixels have one stage more, and 128
and 256 pixels two and three more, with no layer wider than the 16 W that 64 pixels have.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.base import Discriminator, Generator

STAGES = {28: (7, 2), 32: (4, 3), 48: (6, 3), 64: (4, 4), 128: (4, 5), 256: (4, 6)}
"""Image size -> (size where the convolutions start, how often it doubles)."""
WIDEST = 16
"""A layer has at most so many times the width."""
GENERATOR_WIDTH = DISCRIMINATOR_WIDTH = 64


class DCGANGenerator(Generator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(
        self,
        *,
        image_size: int,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(latent_dim=latent_dim, image_size=image_size, channels=channels)
        self.start, stages = STAGES[image_size]
        widths = [width * min(2**i, WIDEST) for i in reversed(range(stages + 1))]
        first = widths[0]
        # The batch normalisation that follows takes each channel's mean away, and with it a bias.
        self.linear = nn.Linear(latent_dim, first * self.start**2, bias=False)
        self.norm = nn.BatchNorm2d(first)
        self.stages = nn.ModuleList(_UpStage(before, after) for before, after in pairwise(widths))
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = self.linear(z).unflatten(1, (-1, self.start, self.start))
        h = F.relu(self.norm(h))
        for stage in self.stages:
            h = stage(h)
        image: Tensor = self.conv(h)
        return image.tanh()


class DCGANDiscriminator(Discriminator):
    """Images `(N, channels, image_size, image_size)` to scores `(N,)`."""

    def __init__(
        self, *, image_size: int, channels: int = 3, width: int = DISCRIMINATOR_WIDTH
    ) -> None:
        super().__init__(image_size=image_size, channels=channels)
        start, stages = STAGES[image_size]
        widths = [channels, *(width * min(2**i, WIDEST) for i in range(stages))]
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1))
            for before, after in pairwise(widths)
        )
        self.linear = spectral_norm(nn.Linear(widths[-1] * start**2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the images `x`."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
        score: Tensor = self.linear(x.flatten(1))
        return score.squeeze(1)


class _UpStage(nn.Module):
    """Transposed convolution that doubles the size, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(
            in_channels, out_channels, 4, stride=2, padding=1, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))
