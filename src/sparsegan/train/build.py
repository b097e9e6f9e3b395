"""From a configuration to data, networks, optimisers and method: the same in every command."""

from dataclasses import dataclass, replace

import torch
from torch import nn, optim

from sparsegan import data
from sparsegan.data import Images
from sparsegan.data.folder import absolute_held_out
from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.importing import absolute
from sparsegan.methods import METHODS, Method
from sparsegan.methods.inspection import quiet
from sparsegan.settings.config import Config, OptimiserConfig
from sparsegan.train import networks


@dataclass(frozen=True)
class Pair:
    """Two networks under a method; `generator` and `discriminator` are the plain modules."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimiser: optim.Optimizer
    discriminator_optimiser: optim.Optimizer


def source_of(config: Config) -> str:
    """The data source: as named, else a folder where a path is given, else Fashion-MNIST."""
    return config.data.source or ("folder" if config.data.path else "fashion-mnist")


def classes(config: Config) -> int | None:
    """How many classes the networks of a resolved configuration know; None: they take no labels."""
    return networks.classes(config)


def load_images(config: Config, split: str = "train") -> Images:
    """The images to learn from, or those held out (`split="test"`).

    Raises:
        SparseganError: They cannot be read, or have not the classes that were chosen.
    """
    settings = config.data
    loaded = data.load(
        source_of(config),
        settings.path,
        split=split,
        image_size=settings.image_size,
        channels=settings.channels,
        held_out=settings.held_out,
        skip_broken=settings.skip_broken,
    )
    return loaded if settings.classes is None else loaded.of_classes(settings.classes)


def image_shape(config: Config) -> tuple[int, int]:
    """Height (and width) and channels of the images, for a resolved configuration."""
    assert config.data.image_size is not None, "the configuration is not resolved"
    assert config.data.channels is not None, "the configuration is not resolved"
    return config.data.image_size, config.data.channels


def resolve(config: Config, images: Images) -> Config:
    """The configuration with everything that data and machine decide filled in.

    Raises:
        SparseganError: The images are not square, or the networks want labels that they do not
            have.
    """
    _, channels, height, width = images.pixels.shape
    if height != width:
        raise SparseganError(
            f"the images of {images.name} are {height} x {width}: set data.image_size to make "
            "them square"
        )
    labelled = networks.take_labels(config.network, images.labels is not None)
    settings = replace(
        config.data,
        source=source_of(config),
        # Absolute, since a run may be resumed from anywhere.
        path=str(expanded(config.data.path).resolve()) if config.data.path else None,
        held_out=_held_out(config),
        image_size=height,
        channels=1 if channels == 1 else 3,
        classes=_class_names(config, images) if labelled else config.data.classes,
    )
    config = replace(config, data=settings, threads=config.threads or torch.get_num_threads())
    network = replace(
        config.network,
        latent_dim=networks.latent_dim(config),
        generator=_from_anywhere(config.network.generator),
        discriminator=_from_anywhere(config.network.discriminator),
    )
    inception = config.evaluate.inception
    evaluate = replace(
        config.evaluate,
        features=absolute(config.evaluate.features),
        inception=None if inception is None else str(expanded(inception).resolve()),
    )
    return replace(config, network=network, evaluate=evaluate)


def _held_out(config: Config) -> str | None:
    settings = config.data
    if settings.path is None or settings.held_out is None:
        return settings.held_out
    return absolute_held_out(expanded(settings.path), settings.held_out)


def _from_anywhere(spec: str | None) -> str | None:
    return None if spec is None else absolute(spec)


def _class_names(config: Config, images: Images) -> tuple[str, ...]:
    name = config.network.name
    if images.labels is None:
        raise SparseganError(
            f"network.name is {name}, which learns images by class, and {images.name} has no "
            "classes: put the images of each class into a folder of its own, take another source, "
            f"or choose {networks.unconditional()}, which need none"
        )
    counts = torch.bincount(images.labels, minlength=len(images.class_names))
    for class_name, count in zip(images.class_names, counts.tolist(), strict=True):
        if not count:
            raise SparseganError(
                f"{images.name} has no image of the class {class_name} to learn from: add some, or "
                "name the other classes in data.classes"
            )
    return images.class_names


def pair(config: Config, device: torch.device | None = None) -> Pair:
    """Networks with their initial weights, and their optimisers, for a resolved configuration.

    Raises:
        SparseganError: The architecture does not exist or does not make such images.
    """
    G, D = networks.build(config)
    for network in (G, D):
        network.to(device)
    return Pair(
        G,
        D,
        _optimiser(config, config.optimiser.generator, G),
        _optimiser(config, config.optimiser.discriminator, D),
    )


def method(config: Config, built: Pair) -> Method:
    """The configuration's method over a pair; masks are drawn and applied at once.

    Its inspection is not logged: a run shows it, and a copy of one need not.

    Raises:
        SparseganError: A setting of the method is out of its range.
    """
    with quiet():
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


def _optimiser(config: Config, settings: OptimiserConfig, network: nn.Module) -> optim.Optimizer:
    parameters = list(network.parameters())
    # One pass over memory instead of nine, rounded otherwise: weights differ in their last digit.
    # Moments that are to be as published take plain steps; on other devices PyTorch chooses.
    on_cpu = all(p.device.type == "cpu" for p in parameters)
    published = config.method.settings.restores("kept_moments")
    fused = True if on_cpu and not published else None
    return optim.Adam(parameters, lr=settings.lr, betas=settings.betas, fused=fused)
