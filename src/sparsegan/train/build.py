"""From a configuration to data, networks, optimisers and method: the same in every command."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn, optim

from sparsegan import data, nets
from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS, Method
from sparsegan.seeding import stream
from sparsegan.train.config import Config, OptimiserConfig

# Architectures for loops of one's own.
_OTHER_INPUT = {*nets.CONDITIONAL, "cyclegan"}


@dataclass(frozen=True)
class Pair:
    """Two networks under a method; `generator` and `discriminator` are the plain modules."""

    generator: nets.Generator
    discriminator: nn.Module
    generator_optimiser: optim.Optimizer
    discriminator_optimiser: optim.Optimizer


def source_of(config: Config) -> str:
    """The data source: as named, else a folder where a path is given, else Fashion-MNIST."""
    return config.data.source or ("folder" if config.data.path else "fashion-mnist")


def images(config: Config, split: str = "train") -> Images:
    """The images to learn from, or those held out (`split="test"`)."""
    chosen = config.data
    return data.load(
        source_of(config),
        chosen.path,
        split=split,
        image_size=chosen.image_size,
        channels=chosen.channels,
    )


def resolve(config: Config, found: Images) -> Config:
    """The configuration with everything that data and machine decide filled in.

    Raises:
        SparseganError: The images are not square.
    """
    _, channels, height, width = found.pixels.shape
    if height != width:
        raise SparseganError(
            f"the images of {found.name} are {height} x {width}: set data.image_size to make "
            "them square"
        )
    chosen = replace(
        config.data,
        source=source_of(config),
        # Absolute, since a run may be resumed from anywhere.
        path=str(Path(config.data.path).expanduser().resolve()) if config.data.path else None,
        image_size=height,
        channels=1 if channels == 1 else 3,
    )
    threads = config.threads or torch.get_num_threads()
    return replace(config, data=chosen, threads=threads)


def pair(config: Config, device: torch.device | None = None) -> Pair:
    """Networks with their initial weights, and their optimisers, for a resolved configuration.

    Raises:
        SparseganError: The architecture does not exist, does not make such images, or does not
            make them out of noise alone.
    """
    chosen, size, channels = config.network, config.data.image_size, config.data.channels
    if chosen.name in _OTHER_INPUT:
        names = " or ".join(name for name in nets.NAMES if name not in _OTHER_INPUT)
        raise SparseganError(
            f"network.name is {chosen.name}, which takes labels or images, and a run gives its "
            f"networks noise alone: choose {names}, or train it in a loop of your own"
        )
    assert size is not None, "the configuration is not resolved"
    assert channels is not None, "the configuration is not resolved"
    G, D = nets.build(
        chosen.name,
        image_size=size,
        channels=channels,
        generator_width=chosen.generator_width,
        discriminator_width=chosen.discriminator_width,
        latent_dim=chosen.latent_dim,
    )
    for name, network in (("generator", G), ("discriminator", D)):
        nets.initialise(network, chosen.initialise, stream(config.seed, "initialise", name))
        network.to(device)
    return Pair(
        G,
        D,
        _optimiser(config.optimiser.generator, G),
        _optimiser(config.optimiser.discriminator, D),
    )


def method(config: Config, built: Pair) -> Method:
    """The configuration's method over a pair; masks are drawn and applied at once.

    Raises:
        SparseganError: A setting of the method is out of its range.
    """
    return METHODS[config.method.name](
        built.generator,
        built.discriminator,
        built.generator_optimiser,
        built.discriminator_optimiser,
        steps=config.steps,
        seed=config.seed,
        engine=config.engine,
        **vars(config.method.settings),
    )


def _optimiser(chosen: OptimiserConfig, network: nn.Module) -> optim.Optimizer:
    return optim.Adam(network.parameters(), lr=chosen.lr, betas=chosen.betas)
