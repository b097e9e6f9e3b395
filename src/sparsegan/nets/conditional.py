"""Batch normalisation whose gains and biases come from a condition, and the up-block around it.

The condition is a class (BigGAN at 32 pixels) or a vector (a class embedding beside a piece of
the noise, BigGAN above). ADAPT leaves `gain` and `bias` layers unmasked by their names.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.nets.blocks import MovedConv, double


class ConditionalNorm(nn.Module):
    """`(N, channels, H, W)`: batch normalisation, times 1 + gain(condition), plus bias(condition).

    Args:
        channels: Channels of the map.
        gain: From the condition of each sample to `(N, channels)`.
        bias: The same.
        eps: Added to the variance.
    """

    def __init__(self, channels: int, gain: nn.Module, bias: nn.Module, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=eps, affine=False)
        self.gain = gain
        self.bias = bias

    @classmethod
    def by_class(cls, channels: int, classes: int) -> "ConditionalNorm":
        """The condition is labels, int64 `(N,)`; every class has gains and biases of its own."""
        return cls(channels, nn.Embedding(classes, channels), nn.Embedding(classes, channels))

    @classmethod
    def by_vector(cls, channels: int, length: int) -> "ConditionalNorm":
        """The condition is `(N, length)`, mapped linearly; eps is that of BigGAN."""
        gain, bias = (spectral_norm(nn.Linear(length, channels, bias=False)) for _ in range(2))
        return cls(channels, gain, bias, eps=1e-4)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """The normalised map."""
        # In mixed precision embeddings are float32 and would take the whole map with them.
        gain = (1 + self.gain(condition)).to(x.dtype)[:, :, None, None]
        bias = self.bias(condition).to(x.dtype)[:, :, None, None]
        return torch.addcmul(bias, self.norm(x), gain)


class ConditionalUpBlock(nn.Module):
    """`nets.blocks.UpBlock` with conditional normalisations and spectral norm on convolutions.

    Args:
        in_channels: Channels of the map that comes in, at half the size.
        out_channels: Channels of the map that goes out.
        norm: Makes the normalisation of a number of channels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm: Callable[[int], ConditionalNorm]
    ) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = spectral_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.norm2 = norm(out_channels)
        self.conv2 = spectral_norm(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = spectral_norm(MovedConv(in_channels, out_channels))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Residual plus shortcut."""
        h: Tensor = self.conv1(double(F.relu(self.norm1(x, condition))))
        h = self.conv2(F.relu(self.norm2(h, condition)))
        return h + double(self.shortcut(x))
