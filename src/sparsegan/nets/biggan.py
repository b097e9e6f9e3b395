"""BigGAN for 64x64 and 128x128 images (docs/methods.md, architectures: TinyImageNet BigGAN).

Brock et al. 2019 in the layout of ADAPT's `biggan.64`. The noise is cut into equal pieces, the
first for the linear layer and one for each up-block; beside a class embedding that all blocks
share, a piece is the condition of its block. Width W is 80 at 64 pixels and 96 at 128:

| generator, 64 pixels   |           | discriminator, 64 pixels  |          |
| ---------------------- | --------- | ------------------------- | -------- |
| noise, class           | 5 · 20    | image, class              | 3 x 64²  |
| linear                 | 16W x 4²  | first block, down         | W x 32²  |
| conditional up-block   | 8W x 8²   | attention                 | W x 32²  |
| conditional up-block   | 4W x 16²  | down-block                | 2W x 16² |
| conditional up-block   | 2W x 32²  | down-block                | 4W x 8²  |
| attention              | 2W x 32²  | down-block                | 8W x 4²  |
| conditional up-block   | W x 64²   | plain block               | 16W x 4² |
| BN, ReLU, conv3, tanh  | 3 x 64²   | ReLU, sum over places     | 16W      |
|                        |           | linear + class embedding  | 1        |

128 pixels have an up-block and a down-block more and noise of 6 · 20. All layers but the
generator's class embedding are under spectral normalisation. The code behind the published runs
rectifies a down-block's input in place and so its shortcut's, too; the shortcut here takes the
input itself, as in the paper.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.errors import SparseganError
from sparsegan.nets.attention import Attention
from sparsegan.nets.base import Discriminator, Generator
from sparsegan.nets.blocks import DownBlock, FirstBlock, PlainBlock
from sparsegan.nets.conditional import ConditionalNorm, ConditionalUpBlock


class Layout(NamedTuple):
    """What an image size decides.

    Attributes:
        width: Published width W of both networks.
        latent_dim: Published length of the noise.
        generator: Channels after the linear layer and after each up-block, in widths.
        attention: The generator's up-block, counted from 1, that attention follows.
        discriminator: Channels after each block, in widths; the last block keeps the size.
    """

    width: int
    latent_dim: int
    generator: tuple[int, ...]
    attention: int
    discriminator: tuple[int, ...]


LAYOUTS = {
    64: Layout(80, 100, (16, 8, 4, 2, 1), 3, (1, 2, 4, 8, 16)),
    128: Layout(96, 120, (16, 16, 8, 4, 2, 1), 4, (1, 2, 4, 8, 16, 16)),
}
SHARED_DIM = 128
"""Length of the class embedding (A9)."""


class BigGANGenerator(Generator):
    """Noise `(N, latent_dim)` and labels `(N,)` to images in [-1, 1]."""

    def __init__(
        self, *, classes: int, image_size: int, width: int, latent_dim: int, channels: int = 3
    ) -> None:
        super().__init__(
            latent_dim=latent_dim, image_size=image_size, channels=channels, classes=classes
        )
        layout = LAYOUTS[image_size]
        pieces = len(layout.generator)
        if latent_dim % pieces:
            raise SparseganError(
                f"latent_dim is {latent_dim}: biggan cuts it into {pieces} equal pieces at "
                f"{image_size} pixels, so choose a multiple of {pieces} "
                f"(published: {layout.latent_dim})"
            )
        piece = latent_dim // pieces
        norm = partial(ConditionalNorm.by_vector, length=SHARED_DIM + piece)
        widths = [multiple * width for multiple in layout.generator]
        self.embedding = nn.Embedding(classes, SHARED_DIM)
        self.linear = spectral_norm(nn.Linear(piece, widths[0] * 4 * 4))
        self.blocks = nn.ModuleList(
            ConditionalUpBlock(before, after, norm) for before, after in pairwise(widths)
        )
        self.attention_after = layout.attention
        self.attention = Attention(widths[layout.attention])
        self.norm = nn.BatchNorm2d(width, eps=1e-4)
        self.conv = spectral_norm(nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images of the noise `z`, of the classes `labels`."""
        first, *pieces = z.chunk(len(self.blocks) + 1, dim=1)
        shared = self.embedding(labels)
        h = self.linear(first).unflatten(1, (-1, 4, 4))
        for number, (block, piece) in enumerate(zip(self.blocks, pieces, strict=True), start=1):
            h = block(h, torch.cat([shared, piece], dim=1))
            if number == self.attention_after:
                h = self.attention(h)
        image: Tensor = self.conv(F.relu(self.norm(h)))
        return image.tanh()


class BigGANDiscriminator(Discriminator):
    """Images `(N, channels, image_size, image_size)` and labels `(N,)` to scores `(N,)`."""

    def __init__(self, *, classes: int, image_size: int, width: int, channels: int = 3) -> None:
        super().__init__(image_size=image_size, channels=channels, classes=classes)
        widths = [multiple * width for multiple in LAYOUTS[image_size].discriminator]
        self.first = FirstBlock(channels, widths[0])
        self.attention = Attention(widths[0])
        self.blocks = nn.Sequential(
            *(DownBlock(before, after) for before, after in pairwise(widths[:-1])),
            PlainBlock(widths[-2], widths[-1]),
        )
        self.linear = spectral_norm(nn.Linear(widths[-1], 1))
        self.embedding = spectral_norm(nn.Embedding(classes, widths[-1]))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Scores of the images `x` as members of the classes `labels`."""
        h = F.relu(self.blocks(self.attention(self.first(x)))).sum((2, 3))
        score: Tensor = self.linear(h).squeeze(1) + (self.embedding(labels) * h).sum(1)
        return score
