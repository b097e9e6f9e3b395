"""Attention between the places of a map (Zhang et al. 2019, as BigGAN has it)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class Attention(nn.Module):
    """`(N, C, H, W)` to the same: the input plus a gate times what its places attend to.

    Queries and keys have C / 8 channels, values C / 2. Keys and values are max-pooled by two, so
    that H·W places attend to H·W / 4. The gate is one learned number that starts at 0; it is no
    weight of a layer and so is never masked, whatever ADAPT's code does (docs/methods.md,
    hazard 14).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = spectral_norm(nn.Conv2d(channels, narrow, 1, bias=False))
        self.key = spectral_norm(nn.Conv2d(channels, narrow, 1, bias=False))
        self.value = spectral_norm(nn.Conv2d(channels, half, 1, bias=False))
        self.out = spectral_norm(nn.Conv2d(half, channels, 1, bias=False))
        self.gate = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Close the gate."""
        nn.init.zeros_(self.gate)

    def forward(self, x: Tensor) -> Tensor:
        """The map with what it attends to."""
        n, _, height, width = x.shape
        query = self.query(x).flatten(2)
        key = F.max_pool2d(self.key(x), 2).flatten(2)
        value = F.max_pool2d(self.value(x), 2).flatten(2)
        # (N, places, attended places); the scores are not scaled.
        attention = torch.bmm(query.transpose(1, 2), key).softmax(2)
        attended = torch.bmm(value, attention.transpose(1, 2)).view(n, -1, height, width)
        out: Tensor = x + self.gate * self.out(attended)
        return out
