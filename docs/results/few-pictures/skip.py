"""DCGAN's generator, painting at every size: the network of a trial in few-pictures.md.

Each stage's features become colours, which are added to the smaller sizes' colours made twice as
large, as Karras et al. 2020 do in StyleGAN2 ("output skips").
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sparsegan.nets.dcgan import STAGES, WIDEST


class UpStage(nn.Module):
    """Transposed convolution that doubles the size, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(
            in_channels, out_channels, 4, stride=2, padding=1, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features `(N, out_channels, 2H, 2W)`."""
        return F.relu(self.norm(self.conv(x)))


class Skip(nn.Module):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(
        self, *, image_size: int, channels: int = 3, width: int = 64, latent_dim: int = 128
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.start, stages = STAGES[image_size]
        widths = [width * min(2**i, WIDEST) for i in reversed(range(stages + 1))]
        self.linear = nn.Linear(latent_dim, widths[0] * self.start**2, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(UpStage(before, after) for before, after in pairwise(widths))
        self.paints = nn.ModuleList(nn.Conv2d(each, channels, 1) for each in widths[:-1])
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = F.relu(self.norm(self.linear(z).unflatten(1, (-1, self.start, self.start))))
        image: Tensor = self.paints[0](h)
        for stage, paint in zip(self.stages, [*self.paints[1:], self.conv], strict=True):
            h = stage(h)
            image = F.interpolate(image, scale_factor=2, mode="nearest") + paint(h)
        return image.tanh()
