"""What a run is made of, by the kind of its networks: from noise to images, or image to image."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from lightning_fabric import Fabric

from sparsegan.data import Images
from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.batches import Batches
from sparsegan.train.cycle import translation, unpaired
from sparsegan.train.cycle.evaluation import CycleStudio
from sparsegan.train.cycle.games import CycleMatch
from sparsegan.train.cycle.unpaired import CycleBatches, Unpaired
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.game import Game
from sparsegan.train.match import Match
from sparsegan.train.studio import Studio

AnyImages = Images | Unpaired
AnyBatches = Batches | CycleBatches
AnyStudio = Studio | CycleStudio


def is_cycle(config: Config) -> bool:
    """Whether a run trains generators from images to images."""
    return config.network.name == "cyclegan"


def images(config: Config) -> AnyImages:
    """The images to learn from.

    Raises:
        SparseganError: They cannot be read, or are not what the settings ask for.
    """
    return unpaired.images(config) if is_cycle(config) else build.images(config)


def resolve(config: Config, found: AnyImages) -> Config:
    """The configuration with everything that data and machine decide filled in.

    Raises:
        SparseganError: The images do not suit the networks, or the settings each other.
    """
    if not isinstance(found, Unpaired):
        return build.resolve(config, found)
    return build.resolve(replace(config, data=replace(config.data, source="folder")), found.a)


def sets(found: AnyImages, seen: AnyStudio) -> dict[str, Images]:
    """What a run has read, by the split: to learn from, and to judge by where that is its own."""
    if isinstance(found, Unpaired):
        return {"trainA": found.a, "trainB": found.b}
    held_out = seen.held_out if isinstance(seen, Studio) else None
    return {"train": found} | ({} if held_out is None else {"test": held_out})


def studio(config: Config, found: AnyImages) -> AnyStudio:
    """What looks at the run's generators.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """
    if isinstance(found, Unpaired):
        return CycleStudio(config, found)
    return Studio(config, found)


def evaluators(config: Config, found: AnyImages) -> Mapping[str, Evaluator]:
    """What says how good the generator of each pair of networks is.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """
    if isinstance(found, Unpaired):
        return translation.evaluators(config, *unpaired.held_out(config, found))
    return {"": Evaluator(config, found)}


def batches(
    found: AnyImages, config: Config, rank: int, world_size: int, device: torch.device
) -> AnyBatches:
    """One rank's share of every batch.

    Raises:
        SparseganError: A batch size does not suit the processes or the images.
    """
    if isinstance(found, Unpaired):
        return CycleBatches(found, config, rank, world_size, device)
    return Batches(found, config, rank, world_size, device)


def match(config: Config, fabric: Fabric) -> Match:
    """The run's games.

    Raises:
        SparseganError: The networks or the method do not exist or do not suit the images.
    """
    if is_cycle(config):
        return CycleMatch(config, fabric)
    return Match(config, fabric, {"": Game(config, fabric)})
