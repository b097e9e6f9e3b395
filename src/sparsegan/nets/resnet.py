"""SNGAN for 48x48 and 64x64 images (docs/methods.md, architectures: STL-10 SNGAN).

ADAPT's `resnet.48`, whose discriminator has one block more than that of Miyato et al. 2018, and
its `resnet.64`. Width W = 64:

| generator, 48 pixels  |          | discriminator, 48 pixels  |          |
| --------------------- | -------- | ------------------------- | -------- |
| noise                 | 128      | image                     | 3 x 48²  |
| linear                | 8W x 6²  | first block, down         | W x 24²  |
| up-block              | 4W x 12² | down-block                | 2W x 12² |
| up-block              | 2W x 24² | down-block                | 4W x 6²  |
| up-block              | W x 48²  | down-block                | 8W x 3²  |
| BN, ReLU, conv3, tanh | 3 x 48²  | down-block                | 16W x 1² |
|                       |          | ReLU, mean over places    | 16W      |
|                       |          | linear                    | 1        |

At 64 pixels the generator starts at 16W x 4² with one up-block more; the discriminator is the
same and ends at 2².
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.base import Discriminator, Generator
from sparsegan.nets.blocks import DownBlock, FirstBlock, UpBlock

STARTS = {48: (6, (8, 4, 2, 1)), 64: (4, (16, 8, 4, 2, 1))}
"""Image size -> (size where the generator starts, its channels in widths)."""
GENERATOR_WIDTH = DISCRIMINATOR_WIDTH = 64


class ResNetGenerator(Generator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(
        self,
        *,
        image_size: int = 48,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(latent_dim=latent_dim, image_size=image_size, channels=channels)
        self.start, multiples = STARTS[image_size]
        self.linear = nn.Linear(latent_dim, multiples[0] * width * self.start**2)
        self.blocks = nn.Sequential(
            *(UpBlock(before * width, after * width) for before, after in pairwise(multiples))
        )
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = self.blocks(self.linear(z).unflatten(1, (-1, self.start, self.start)))
        image: Tensor = self.conv(F.relu(self.norm(h)))
        return image.tanh()


class ResNetDiscriminator(Discriminator):
    """Images `(N, channels, image_size, image_size)` to scores `(N,)`, all under spectral norm."""

    def __init__(
        self, *, image_size: int = 48, channels: int = 3, width: int = DISCRIMINATOR_WIDTH
    ) -> None:
        super().__init__(image_size=image_size, channels=channels)
        self.blocks = nn.Sequential(
            FirstBlock(channels, width),
            DownBlock(width, 2 * width),
            DownBlock(2 * width, 4 * width),
            DownBlock(4 * width, 8 * width),
            DownBlock(8 * width, 16 * width, published_positions=9 if image_size == 48 else 4),
        )
        self.linear = spectral_norm(nn.Linear(16 * width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the images `x`."""
        score: Tensor = self.linear(F.relu(self.blocks(x)).mean((2, 3)))
        return score.squeeze(1)
