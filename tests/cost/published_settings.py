"""The published settings: their networks' layers, counted without memory, and their densities."""

import functools
import math
from typing import NamedTuple
from unittest import mock

import torch
from torch.nn.utils.parametrizations import _SpectralNorm

from sparsegan import cost, nets

DENSITIES = (0.1, 0.2, 0.3, 0.5)


class Setting(NamedTuple):
    """A column of ADAPT's tables (docs/methods.md, architectures and FLOPs accounting)."""

    name: str
    image_size: int
    classes: int | None
    d_batch: int
    g_batch: int
    discriminator_steps: int
    steps: int

    @property
    def run(self):
        return dict(list(self._asdict().items())[3:])


SETTINGS = {
    "CIFAR-10 SNGAN": Setting("sngan", 32, None, 64, 128, 5, 100_000),
    "STL-10 SNGAN": Setting("sngan", 48, None, 64, 128, 5, 100_000),
    "CIFAR-10 BigGAN": Setting("biggan", 32, 10, 50, 50, 4, 200_000),
    "TinyImageNet BigGAN": Setting("biggan", 64, 200, 256, 256, 1, 200_000),
}


@functools.cache
def pair(name, image_size, classes=None):
    """G and D at published widths on the meta device, and their layers."""
    # Power iterations have nothing to compute there, and take most of the time.
    with torch.device("meta"), mock.patch.object(_SpectralNorm, "_power_method"):
        G, D = nets.build(name, image_size=image_size, channels=3, classes=classes)
        x = torch.zeros(1, 3, image_size, image_size)
        z = torch.zeros(1, G.latent_dim) if G.latent_dim else x
        labels = () if classes is None else (torch.zeros(1, dtype=torch.int64),)
        return (G, D), (cost.layers(G, z, *labels), cost.layers(D, x, *labels))


def setting_layers(title):
    """Layers of G and of D."""
    return pair(*SETTINGS[title][:3])[1]


def erk(layers, density):
    """Erdős–Rényi-kernel densities as in docs/methods.md: the largest is declared dense in turn."""
    weighted = [c for c in layers if is_masked(c)]
    score = {c.name: sum(c.shape) / math.prod(c.shape) for c in weighted}
    sparse, dense = weighted, []
    while True:
        budget = density * sum(c.weights for c in weighted) - sum(c.weights for c in dense)
        eps = budget / sum(score[c.name] * c.weights for c in sparse)
        top = max(score[c.name] for c in sparse)
        if eps * top <= 1:
            return {c.name: eps * score[c.name] for c in sparse} | {c.name: 1.0 for c in dense}
        dense += [c for c in sparse if score[c.name] == top]
        sparse = [c for c in sparse if score[c.name] < top]


def is_masked(layer):
    """ADAPT's rule (docs/methods.md, A5.1)."""
    return layer.weights > 0 and not any(
        word in layer.name for word in ("bias", "gain", "classifier")
    )
