"""BigGAN for 32x32 images, as in both papers (docs/methods.md, architectures: CIFAR-10 BigGAN).

ADAPT's `biggan.32` and STU-GAN's BigGAN-PyTorch at 64 channels are one network, parameter for
parameter (4,304,387 and 4,207,361 with 10 classes). Width W = 64:

| generator              |            | discriminator            |           |
| ---------------------- | ---------- | ------------------------ | --------- |
| noise, class           | 128        | image, class             | 3 x 32²   |
| linear                 | 4W x 4²    | first block, down        | 4W x 16²  |
| conditional up-block   | 4W x 8²    | down-block               | 4W x 8²   |
| conditional up-block   | 4W x 16²   | plain block              | 4W x 8²   |
| conditional up-block   | 4W x 32²   | plain block              | 4W x 8²   |
| BN, ReLU, conv3, tanh  | 3 x 32²    | ReLU, sum over places    | 4W        |
|                        |            | linear + class embedding | 1         |

All layers but the generator's embeddings are under spectral normalisation.
"""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.base import Discriminator, Generator
from sparsegan.nets.blocks import DownBlock, FirstBlock, PlainBlock
from sparsegan.nets.conditional import ConditionalNorm, ConditionalUpBlock

GENERATOR_WIDTH = DISCRIMINATOR_WIDTH = 64


class BigGAN32Generator(Generator):
    """Noise `(N, latent_dim)` and labels `(N,)` to images `(N, channels, 32, 32)` in [-1, 1]."""

    def __init__(
        self,
        *,
        classes: int,
        image_size: int = 32,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(
            latent_dim=latent_dim, image_size=image_size, channels=channels, classes=classes
        )
        wide = 4 * width
        norm = partial(ConditionalNorm.by_class, classes=classes)
        self.linear = spectral_norm(nn.Linear(latent_dim, wide * 4 * 4))
        self.block1 = ConditionalUpBlock(wide, wide, norm)
        self.block2 = ConditionalUpBlock(wide, wide, norm)
        self.block3 = ConditionalUpBlock(wide, wide, norm)
        self.norm = nn.BatchNorm2d(wide)
        self.conv = spectral_norm(nn.Conv2d(wide, channels, 3, padding=1))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images of the noise `z`, of the classes `labels`."""
        h = self.linear(z).unflatten(1, (-1, 4, 4))
        h = self.block3(self.block2(self.block1(h, labels), labels), labels)
        image: Tensor = self.conv(F.relu(self.norm(h)))
        return image.tanh()


class BigGAN32Discriminator(Discriminator):
    """Images `(N, channels, 32, 32)` and labels `(N,)` to scores `(N,)`.

    The head is called `classifier` as in ADAPT's code, whose rule leaves it unmasked by that name.
    """

    def __init__(
        self,
        *,
        classes: int,
        image_size: int = 32,
        channels: int = 3,
        width: int = DISCRIMINATOR_WIDTH,
    ) -> None:
        super().__init__(image_size=image_size, channels=channels, classes=classes)
        wide = 4 * width
        self.block1 = FirstBlock(channels, wide)
        self.block2 = DownBlock(wide, wide)
        self.block3 = PlainBlock(wide, wide)
        self.block4 = PlainBlock(wide, wide)
        self.classifier = spectral_norm(nn.Linear(wide, 1))
        self.embedding = spectral_norm(nn.Embedding(classes, wide))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Scores of the images `x` as members of the classes `labels`."""
        h = self.block4(self.block3(self.block2(self.block1(x))))
        h = F.relu(h).sum((2, 3))
        score: Tensor = self.classifier(h).squeeze(1) + (self.embedding(labels) * h).sum(1)
        return score
