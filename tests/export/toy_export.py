"""Generators to export, of any architecture and density, without a run."""

import torch

from sparsegan import nets
from sparsegan.export import Blueprint, Frozen
from sparsegan.export.blueprint import fold
from sparsegan.sparsity import Masks


def frozen(blueprint=None, density=0.1, granularity="weight"):
    """A masked generator with weights, batch statistics and spectral norms that mean something."""
    blueprint = blueprint or Blueprint("dcgan", 28, 1, width=4, latent_dim=16)
    if blueprint.is_own:
        generator = blueprint.build(blueprint.network)
    else:
        settings = blueprint.as_json() | {"latent_dim": blueprint.latent_dim or None}
        generator, _ = nets.build(
            settings.pop("network"), generator_width=settings.pop("width"), **settings
        )
        nets.initialise(generator, "default", torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    masks = Masks(generator, density, granularity=granularity, generator=draw)
    with torch.no_grad():
        for _ in range(3):
            generator(*inputs(blueprint, 8))
    generator.requires_grad_(False)
    fold(generator)
    return Frozen(generator, {name: masks[name] for name in masks.names}, blueprint, {"step": 7})


def inputs(blueprint, count, seed=0):
    """What its generator is called with."""
    draw = torch.Generator().manual_seed(seed)
    if not blueprint.latent_dim:
        size = blueprint.image_size
        return (torch.rand(count, blueprint.channels, size, size, generator=draw) * 2 - 1,)
    z = torch.randn(count, blueprint.latent_dim, generator=draw)
    if blueprint.classes is None:
        return (z,)
    return z, torch.randint(blueprint.classes, (count,), generator=draw)
