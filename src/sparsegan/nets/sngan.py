"""SNGAN for 32x32 images, as in both papers (docs/methods.md, architectures: CIFAR-10 SNGAN).

48 and 64 pixels are in `nets.resnet`.

| generator              |            | discriminator           |            |
| ---------------------- | ---------- | ----------------------- | ---------- |
| noise                  | 128        | image                   | 3 x 32²    |
| linear                 | 256 x 4²   | first block, down       | 128 x 16²  |
| up-block               | 256 x 8²   | down-block              | 128 x 8²   |
| up-block               | 256 x 16²  | plain block             | 128 x 8²   |
| up-block               | 256 x 32²  | plain block             | 128 x 8²   |
| BN, ReLU, conv3, tanh  | 3 x 32²    | ReLU, sum over places   | 128        |
|                        |            | linear without bias     | 1          |
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.base import Discriminator, Generator
from sparsegan.nets.blocks import DownBlock, FirstBlock, PlainBlock, UpBlock

GENERATOR_WIDTH = 256
DISCRIMINATOR_WIDTH = 128


class SNGANGenerator(Generator):
    """Noise `(N, latent_dim)` to images `(N, channels, 32, 32)` in [-1, 1]."""

    def __init__(
        self,
        *,
        image_size: int = 32,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(latent_dim=latent_dim, image_size=image_size, channels=channels)
        self.linear = nn.Linear(latent_dim, width * 4 * 4)
        self.block1 = UpBlock(width, width)
        self.block2 = UpBlock(width, width)
        self.block3 = UpBlock(width, width)
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = self.linear(z).unflatten(1, (-1, 4, 4))
        h = self.block3(self.block2(self.block1(h)))
        image: Tensor = self.conv(F.relu(self.norm(h)))
        return image.tanh()


class SNGANDiscriminator(Discriminator):
    """Images `(N, channels, 32, 32)` to scores `(N,)`; spectral normalisation on every layer."""

    def __init__(
        self, *, image_size: int = 32, channels: int = 3, width: int = DISCRIMINATOR_WIDTH
    ) -> None:
        super().__init__(image_size=image_size, channels=channels)
        self.block1 = FirstBlock(channels, width)
        self.block2 = DownBlock(width, width)
        self.block3 = PlainBlock(width, width)
        self.block4 = PlainBlock(width, width)
        self.linear = spectral_norm(nn.Linear(width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the images `x`."""
        h = self.block4(self.block3(self.block2(self.block1(x))))
        score: Tensor = self.linear(F.relu(h).sum((2, 3)))
        return score.squeeze(1)
