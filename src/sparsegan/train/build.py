"""From a configuration to data, networks, optimisers and method: the same in every command."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn, optim

from sparsegan import data, nets
from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS, Method
from sparsegan.nets.architectures import find
from sparsegan.seeding import stream
from sparsegan.train.config import Config, OptimiserConfig


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


def classes(config: Config) -> int | None:
    """How many classes the networks of a resolved configuration know; None: they take no labels."""
    return len(config.data.classes or ()) if _is_conditional(config) else None


def images(config: Config, split: str = "train") -> Images:
    """The images to learn from, or those held out (`split="test"`).

    Raises:
        SparseganError: They cannot be read, or have not the classes that were chosen.
    """
    chosen = config.data
    found = data.load(
        source_of(config),
        chosen.path,
        split=split,
        image_size=chosen.image_size,
        channels=chosen.channels,
    )
    return found if chosen.classes is None else found.of_classes(chosen.classes)


def resolve(config: Config, found: Images) -> Config:
    """The configuration with everything that data and machine decide filled in.

    Raises:
        SparseganError: The images are not square, or the networks want labels that they do not
            have.
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
        classes=_class_names(config, found) if _is_conditional(config) else config.data.classes,
    )
    published = find(config.network.name, height).latent_dim or None  # cyclegan has no noise
    network = replace(config.network, latent_dim=config.network.latent_dim or published)
    threads = config.threads or torch.get_num_threads()
    return replace(config, data=chosen, network=network, threads=threads)


def _is_conditional(config: Config) -> bool:
    return config.network.name in nets.CONDITIONAL


def _class_names(config: Config, found: Images) -> tuple[str, ...]:
    name = config.network.name
    if found.labels is None:
        others = " or ".join(n for n in nets.NAMES if n not in {*nets.CONDITIONAL, "cyclegan"})
        raise SparseganError(
            f"network.name is {name}, which learns images by class, and {found.name} has no "
            "classes: put the images of each class into a folder of its own, or choose "
            f"{others}, which need none"
        )
    counts = torch.bincount(found.labels, minlength=len(found.class_names))
    for class_name, count in zip(found.class_names, counts.tolist(), strict=True):
        if not count:
            raise SparseganError(
                f"{found.name} has no image of the class {class_name} to learn from: add some, or "
                "name the other classes in data.classes"
            )
    return found.class_names


def pair(config: Config, device: torch.device | None = None) -> Pair:
    """Networks with their initial weights, and their optimisers, for a resolved configuration.

    Raises:
        SparseganError: The architecture does not exist, does not make such images, or does not
            make them out of noise.
    """
    chosen, size, channels = config.network, config.data.image_size, config.data.channels
    if chosen.name == "cyclegan":
        names = " or ".join(name for name in nets.NAMES if name != "cyclegan")
        raise SparseganError(
            "network.name is cyclegan, which takes images, and a run gives its networks noise: "
            f"choose {names}, or train it in a loop of your own"
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
        classes=classes(config),
    )
    if G.classes is not None:
        G.class_names = config.data.classes or ()
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
