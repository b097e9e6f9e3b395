"""A network of its own masks and optimiser, and its blocks in plain Python."""

import math

import torch
from hypothesis import strategies as st
from torch import nn, optim

import reference
from sparsegan import Masks, SparseNetwork


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def sparse(module, density=0.4, lr=0.05, granularity="weight", **settings):
    optimizer = optim.Adam(module.parameters(), lr=lr, betas=(0.0, 0.9))
    masks = Masks(module, density, granularity=granularity, generator=rng())
    return SparseNetwork(module, optimizer, masks, **settings)


def set_gradients(network, seed):
    for i, parameter in enumerate(network.module.parameters()):
        grad = torch.randn(parameter.shape, generator=rng(1000 * seed + i))
        parameter.grad = grad.to(parameter.device)


def gradients(network):
    return network.masks.flatten([layer.parameter.grad for layer in network.masks.layers])


def stepped(network, seed=0):
    """One optimiser step whose gradient is kept to grow by; returns that dense gradient."""
    network.growth_gradient_due = lambda: True
    set_gradients(network, seed)
    dense = gradients(network).clone()
    network.optimizer.step()
    return dense


def layers_of(masks):
    return [name for name, size in masks.sizes().items() for _ in range(size)]


def networks_of(widest):
    row = st.tuples(
        st.sampled_from(["linear", "conv", "up"]), st.integers(1, 5), st.integers(1, widest)
    )
    return st.lists(row, min_size=1, max_size=4).map(
        lambda rows: nn.ModuleList(
            {
                "linear": lambda a, b: nn.Linear(a, b),
                "conv": lambda a, b: nn.Conv2d(a, b, 3),
                "up": lambda a, b: nn.ConvTranspose2d(a, b, 2),
            }[kind](a, b)
            for kind, a, b in rows
        )
    )


def in_units(masks, flat):
    """The mean of a vector over every block, in plain Python."""
    return [
        math.fsum(values[i] for i in places) / len(places)
        for values, _, places in blocks_of(masks, flat)
    ]


def blocks_of(masks, flat):
    for layer, values in zip(masks.layers, masks.split(flat), strict=True):
        output = 1 if isinstance(layer.module, nn.ConvTranspose2d) else 0
        for places in reference.blocks(layer.parameter.shape, output):
            yield values.tolist(), layer.name, places


networks = networks_of(5)
wide_networks = networks_of(11)
fractions = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))


def units_of(masks):
    return masks.units.first(masks.flat)
