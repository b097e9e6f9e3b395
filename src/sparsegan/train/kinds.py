"""What a run is made of, by its kind: from noise to images here, image to image in `cycle.kind`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from sparsegan.data import Images
from sparsegan.data.outline import blank, outline
from sparsegan.record import events
from sparsegan.record.run import RunDirectory
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.batches import Batches, Inputs
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.evaluation import Evaluation
from sparsegan.train.game import Game
from sparsegan.train.games import Games

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class AnyImages(Protocol):
    """What a run learns from."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def fingerprint(self) -> str:
        """A hash of the content."""

    def __len__(self) -> int:
        """Images in an epoch."""


class AnyBatches(Protocol):
    """One rank's share of every batch (see `Batches`)."""

    @property
    def images(self) -> AnyImages:
        """What they are of."""

    def real(self, step: int, k: int) -> Inputs:
        """Real images for the k-th discriminator step (from 0) of a step (from 1)."""

    def latents(self, step: int, k: int) -> Inputs:
        """The generator's inputs for the fakes of that discriminator step."""

    def generator_latents(self, step: int) -> Inputs:
        """The same for the generators' part of a step."""

    def random_numbers(self, step: int, k: int) -> Tensor:
        """Random numbers of a discriminator step."""


class AnyEvaluation(Protocol):
    """Draws and evaluates while a run is trained (see `Evaluation`)."""

    @property
    def splits(self) -> dict[str, Images]:
        """The images that were read, by split."""

    def __call__(self, run: RunDirectory, games: Games, step: int) -> list[events.Evaluation]:
        """Draw and evaluate where due; the evaluation of each game."""


I = TypeVar("I", bound=AnyImages)  # noqa: E741


class Kind(ABC, Generic[I]):
    """What a run of a kind is made of, from its settings and its images.

    Attributes:
        outline_counts: Whether `outline` has as many images as the data.
    """

    outline_counts: bool

    @abstractmethod
    def load_images(self, config: Config) -> I:
        """The images to learn from.

        Raises:
            SparseganError: They cannot be read, or are not what the settings ask for.
        """

    @abstractmethod
    def outline(self, config: Config) -> I | None:
        """Blank images of the right shape, no data read; None where it is not known without."""

    @abstractmethod
    def blank(self, config: Config) -> I:
        """Blank images of the shape that a resolved configuration says, as many as a batch."""

    @abstractmethod
    def resolve(self, config: Config, images: I) -> Config:
        """The configuration with everything that data and machine decide filled in.

        Raises:
            SparseganError: The images do not suit the networks, or the settings each other.
        """

    @abstractmethod
    def batches(
        self, images: I, config: Config, rank: int, world_size: int, device: torch.device
    ) -> AnyBatches:
        """One rank's share of every batch.

        Raises:
            SparseganError: A batch size does not suit the processes or the images.
        """

    @abstractmethod
    def games(self, config: Config, fabric: "Fabric") -> Games:
        """The run's games.

        Raises:
            SparseganError: The networks or the method do not exist or do not suit the images.
        """

    @abstractmethod
    def evaluation(self, config: Config, images: I) -> AnyEvaluation:
        """What draws and evaluates while the run is trained.

        Raises:
            SparseganError: The evaluations that the settings ask for are not possible.
        """

    @abstractmethod
    def evaluators(self, config: Config, images: I) -> Mapping[str | None, Evaluator]:
        """What says how good each game's generator is, by the game's name.

        Raises:
            SparseganError: The evaluations that the settings ask for are not possible.
        """


class _NoiseToImage(Kind[Images]):
    """One game, whose generator makes images out of noise."""

    outline_counts = True

    def load_images(self, config: Config) -> Images:
        return build.load_images(config)

    def outline(self, config: Config) -> Images | None:
        settings = config.data
        source = build.source_of(config)
        known = outline(source, image_size=settings.image_size, channels=settings.channels)
        if known is None or settings.classes is None:
            return known
        if set(settings.classes) - set(known.class_names):
            return None  # spelt wrong, or known to the data alone
        count = len(known) // len(known.class_names) * len(settings.classes)
        _, channels, side, _ = known.pixels.shape
        return blank(known.name, count, side, channels, settings.classes)

    def blank(self, config: Config) -> Images:
        side, channels = build.image_shape(config)
        return blank("", config.batch_size, side, channels, config.data.classes or ())

    def resolve(self, config: Config, images: Images) -> Config:
        return build.resolve(config, images)

    def batches(
        self, images: Images, config: Config, rank: int, world_size: int, device: torch.device
    ) -> Batches:
        return Batches(images, config, rank, world_size, device)

    def games(self, config: Config, fabric: "Fabric") -> Games:
        return Games(config, fabric, [Game(config, fabric)])

    def evaluation(self, config: Config, images: Images) -> Evaluation:
        return Evaluation(config, images)

    def evaluators(self, config: Config, images: Images) -> Mapping[str | None, Evaluator]:
        return {None: Evaluator(config, images)}


NOISE_TO_IMAGE = _NoiseToImage()


def of(config: Config) -> Kind[Any]:
    """The kind of a run with these settings."""
    if kinds.of(config.network.name) is kinds.NOISE_TO_IMAGE:
        return NOISE_TO_IMAGE
    from sparsegan.train.cycle.kind import IMAGE_TO_IMAGE  # a kind itself: it needs this module

    return IMAGE_TO_IMAGE
