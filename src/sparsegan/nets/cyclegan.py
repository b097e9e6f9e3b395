"""CycleGAN's generator from images to images, and its discriminator of patches.

Zhu et al. 2017, appendix 7.2, with instance normalisation that learns nothing. Width W = 64:

| generator, 256 pixels              |           | discriminator, 256 pixels     |          |
| ---------------------------------- | --------- | ----------------------------- | -------- |
| image                              | 3 x 256²  | image                         | 3 x 256² |
| conv7, IN, ReLU                    | W x 256²  | conv4 / 2, leaky ReLU         | W x 128² |
| conv3 / 2, IN, ReLU                | 2W x 128² | conv4 / 2, IN, leaky ReLU     | 2W x 64² |
| conv3 / 2, IN, ReLU                | 4W x 64²  | conv4 / 2, IN, leaky ReLU     | 4W x 32² |
| 9 residual blocks                  | 4W x 64²  | conv4, IN, leaky ReLU         | 8W x 31² |
| transposed conv3 x 2, IN, ReLU     | 2W x 128² | conv4                         | 1 x 30²  |
| the same                           | W x 256²  |                               |          |
| conv7, tanh                        | 3 x 256²  |                               |          |

At 128 pixels there are 6 residual blocks, as published, and at 64, which is our addition for
trials. Each score is that of a patch of 70x70 pixels.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from sparsegan.nets.base import Discriminator, Generator

RESIDUAL_BLOCKS = {64: 6, 128: 6, 256: 9}
"""Image size -> number of residual blocks."""
GENERATOR_WIDTH = DISCRIMINATOR_WIDTH = 64


class CycleGANGenerator(Generator):
    """Images `(N, channels, image_size, image_size)` in [-1, 1] to images of the other kind."""

    def __init__(
        self,
        *,
        image_size: int = 256,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 0,
    ) -> None:
        super().__init__(latent_dim=latent_dim, image_size=image_size, channels=channels)
        self.first = nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect")
        self.down = nn.ModuleList(
            nn.Conv2d(before, 2 * before, 3, stride=2, padding=1) for before in (width, 2 * width)
        )
        self.blocks = nn.Sequential(
            *(_ResidualBlock(4 * width) for _ in range(RESIDUAL_BLOCKS[image_size]))
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * after, after, 3, stride=2, padding=1, output_padding=1)
            for after in (2 * width, width)
        )
        self.last = nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        """The images `x` as images of the other kind."""
        h = F.relu(F.instance_norm(self.first(x)))
        for conv in self.down:
            h = F.relu(F.instance_norm(conv(h)))
        h = self.blocks(h)
        for conv in self.up:
            h = F.relu(F.instance_norm(conv(h)))
        image: Tensor = self.last(h)
        return image.tanh()


class CycleGANDiscriminator(Discriminator):
    """Images `(N, channels, image_size, image_size)` to scores of their patches `(N, h, w)`.

    h = w = image_size / 8 - 2. Patches overlap, and those at the edges reach over them.
    """

    def __init__(
        self, *, image_size: int = 256, channels: int = 3, width: int = DISCRIMINATOR_WIDTH
    ) -> None:
        super().__init__(image_size=image_size, channels=channels)
        self.first = nn.Conv2d(channels, width, 4, stride=2, padding=1)
        self.convs = nn.ModuleList(
            nn.Conv2d(multiple * width, 2 * multiple * width, 4, stride=stride, padding=1)
            for multiple, stride in ((1, 2), (2, 2), (4, 1))
        )
        self.last = nn.Conv2d(8 * width, 1, 4, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the patches of the images `x`."""
        h = F.leaky_relu(self.first(x), 0.2)
        for conv in self.convs:
            h = F.leaky_relu(F.instance_norm(conv(h)), 0.2)
        scores: Tensor = self.last(h)
        return scores.squeeze(1)


class _ResidualBlock(nn.Module):
    """`(N, C, H, W)` to the same: conv3-IN-ReLU, conv3-IN, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.instance_norm(self.conv1(x)))
        return x + F.instance_norm(self.conv2(h))
