"""What a run from images to images is made of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from sparsegan.data.outline import blank
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.cycle import translation, unpaired
from sparsegan.train.cycle.evaluation import CycleEvaluation
from sparsegan.train.cycle.games import CycleGames
from sparsegan.train.cycle.unpaired import CycleBatches, Unpaired
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.kinds import Kind

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class _ImageToImage(Kind[Unpaired]):
    """Two games, whose generators are each other's inverse."""

    outline_counts = False

    def load_images(self, config: Config) -> Unpaired:
        return unpaired.load_images(config)

    def outline(self, config: Config) -> Unpaired | None:
        channels = config.data.channels
        if channels is None:
            return None
        # How many there are is not known: as many as a batch needs.
        side = config.data.image_size or kinds.IMAGE_TO_IMAGE.image_size or 0
        images = blank("trainA", config.batch_size, side, channels)
        return Unpaired(images, images)

    def blank(self, config: Config) -> Unpaired:
        images = blank("", config.batch_size, *build.image_shape(config))
        return Unpaired(images, images)

    def resolve(self, config: Config, images: Unpaired) -> Config:
        return build.resolve(replace(config, data=replace(config.data, source="folder")), images.a)

    def batches(
        self, images: Unpaired, config: Config, rank: int, world_size: int, device: torch.device
    ) -> CycleBatches:
        return CycleBatches(images, config, rank, world_size, device)

    def games(self, config: Config, fabric: "Fabric") -> CycleGames:
        return CycleGames(config, fabric)

    def evaluation(self, config: Config, images: Unpaired) -> CycleEvaluation:
        return CycleEvaluation(config, images)

    def evaluators(self, config: Config, images: Unpaired) -> Mapping[str | None, Evaluator]:
        return translation.evaluators(config, *unpaired.held_out(config, images))


IMAGE_TO_IMAGE = _ImageToImage()
