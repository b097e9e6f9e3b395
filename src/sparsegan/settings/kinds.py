"""The two kinds of run, from noise to images and from images to images, as far as settings say.

`train.kinds` has what a kind is made of once there are images.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch

from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.settings.config import Config, LossConfig

DIRECTIONS = ("a_to_b", "b_to_a")
"""The games from images to images, each called by what its generator does: the i-th makes images of
the other set out of images of the i-th set, and its discriminator tells them from real ones."""


def label(part: str, game: str | None) -> str:
    """What to call a part of a game: a run's only game has no name.

    Example:
        >>> label("generator", None), label("generator", "a_to_b")
        ('generator', 'generator a_to_b')
    """
    return f"{part} {game}" if game else part


class Kind(ABC):
    """What follows from a kind in settings alone.

    Attributes:
        game_names: The games of a run, a generator and its discriminator each, in order.
        user_networks: Whether user-supplied networks may take an architecture's place.
        image_size: Pixels of a side where the settings do not say; None: as the data are.
        small_image_size: Most pixels of a side at a small scale; None: as many as there are.
    """

    game_names: tuple[str | None, ...]
    user_networks: bool
    image_size: int | None
    small_image_size: int | None

    @abstractmethod
    def games(self, config: Config) -> list[tuple[str | None, Config]]:
        """The name of each game, and the configuration to build it from."""

    @abstractmethod
    def check(self, config: Config) -> None:
        """Refuse settings of the other kind.

        Raises:
            SparseganError: Naming the setting.
        """

    @abstractmethod
    def generator_passes(self, config: Config) -> int:
        """How often a generator is gone through, forward and backward, in a step of its own."""


class _NoiseToImage(Kind):
    game_names = (None,)
    user_networks = True
    image_size = None
    small_image_size = None

    def games(self, config: Config) -> list[tuple[str | None, Config]]:
        return [(None, config)]

    def check(self, config: Config) -> None:
        for name in ("cycle", "identity", "history"):
            value = getattr(config.loss, name)
            if value != getattr(LossConfig, name):
                raise SparseganError(
                    f"loss.{name} is {value} and network.name is {config.network.name}: it is a "
                    "setting of cyclegan, so leave it out"
                )

    def generator_passes(self, config: Config) -> int:
        return 1


class _ImageToImage(Kind):
    game_names = DIRECTIONS
    user_networks = False
    image_size = 256
    """As published."""
    small_image_size = 128
    """A quarter of the published operations."""

    def games(self, config: Config) -> list[tuple[str | None, Config]]:
        """Every game has a seed of its own, or they would begin as equals."""

        def seed(name: str) -> int:
            return int(torch.randint(2**62, (), generator=stream(config.seed, "pair", name)))

        return [(name, replace(config, seed=seed(name))) for name in DIRECTIONS]

    def check(self, config: Config) -> None:
        penalty = config.loss.gradient_penalty
        if penalty:
            raise SparseganError(
                f"loss.gradient_penalty is {penalty} and network.name is {config.network.name}, "
                "which is trained without one: leave it out"
            )

    def generator_passes(self, config: Config) -> int:
        """Through the cycle and for the identity, too, where the loss has them."""
        return 1 + bool(config.loss.cycle) + bool(config.loss.identity)


NOISE_TO_IMAGE: Kind = _NoiseToImage()
IMAGE_TO_IMAGE: Kind = _ImageToImage()


def of(architecture: str) -> Kind:
    """The kind of a run with networks of that name (`network.name`)."""
    return IMAGE_TO_IMAGE if architecture == "cyclegan" else NOISE_TO_IMAGE
