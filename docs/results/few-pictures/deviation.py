"""DCGAN's discriminator that sees how much a batch varies: of a trial in few-pictures.md.

The last layer sees, beside the features of an image, the standard deviation of each over the batch,
averaged over the image (Karras et al. 2018, "minibatch standard deviation", there of all features
together).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.dcgan import DCGANDiscriminator


class Deviation(DCGANDiscriminator):
    """Images `(N, channels, image_size, image_size)` to scores `(N,)`; 16 wide if not stated."""

    def __init__(self, *, image_size: int, channels: int = 3, width: int = 16) -> None:
        super().__init__(image_size=image_size, channels=channels, width=width)
        last = self.convs[-1].out_channels
        self.linear = spectral_norm(nn.Linear(self.linear.in_features + last, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the images `x`."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
        deviations = (x.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2))
        seen = torch.cat([x.flatten(1), deviations.expand(len(x), -1)], 1)
        score: Tensor = self.linear(seen)
        return score.squeeze(1)
