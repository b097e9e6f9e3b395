"""The residual blocks of SNGAN and BigGAN (docs/methods.md, architectures).

They are those of Miyato et al. 2018, appendix B; BigGAN's discriminator has the same, its
generator those of `nets.conditional`.
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class MovedConv(nn.Conv2d):
    """A 1x1 convolution on the small side of a resize by two, which the papers put on the large.

    A 1x1 convolution acts on each position alone, so it commutes with nearest-neighbour
    upsampling and, being linear, with average pooling: the result is the same and a quarter of
    the positions is computed. `cost.layers` reads `published_positions` to count it as the
    published tables do.

    Attributes:
        published_positions: Positions the published network evaluates for each one evaluated
            here: 4, but 9 where a map of 3x3 is pooled to a single place.
    """

    def __init__(self, in_channels: int, out_channels: int, published_positions: int = 4) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.published_positions = published_positions


class UpBlock(nn.Module):
    """`(N, in, H, W)` to `(N, out, 2H, 2W)`: BN-ReLU-up-conv3, BN-ReLU-conv3, plus a shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = MovedConv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut."""
        h: Tensor = self.conv1(double(F.relu(self.norm1(x))))
        h = self.conv2(F.relu(self.norm2(h)))
        return h + double(self.shortcut(x))


class DownBlock(nn.Module):
    """`(N, in, H, W)` to `(N, out, H/2, W/2)`: ReLU-conv3, ReLU-conv3, pool, plus a shortcut.

    Every convolution is under spectral normalisation, as in all blocks of a discriminator. An
    odd map loses its last row and column to the pooling.
    """

    def __init__(self, in_channels: int, out_channels: int, published_positions: int = 4) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = spectral_norm(MovedConv(in_channels, out_channels, published_positions))

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut."""
        h: Tensor = self.conv2(F.relu(self.conv1(F.relu(x))))
        short: Tensor = self.shortcut(halve(x))
        return halve(h) + short


class FirstBlock(nn.Module):
    """The "optimised" first block of a discriminator: a `DownBlock` that does not rectify pixels.

    The published network, too, pools before this block's shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut."""
        h: Tensor = self.conv2(F.relu(self.conv1(x)))
        short: Tensor = self.shortcut(halve(x))
        return halve(h) + short


class PlainBlock(nn.Module):
    """`(N, in, H, W)` to `(N, out, H, W)`: ReLU-conv3, ReLU-conv3, plus a shortcut.

    The shortcut is the input itself, or a convolution of it where the channels change.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = spectral_norm(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut."""
        h: Tensor = self.conv2(F.relu(self.conv1(F.relu(x))))
        short: Tensor = self.shortcut(x)
        return h + short


def double(x: Tensor) -> Tensor:
    """`(N, C, H, W)` to `(N, C, 2H, 2W)`, each value four times."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halve(x: Tensor) -> Tensor:
    """`(N, C, H, W)` to `(N, C, H // 2, W // 2)`, means of four values."""
    return F.avg_pool2d(x, 2)
