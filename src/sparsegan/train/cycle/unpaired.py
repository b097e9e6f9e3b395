"""Unpaired sets of images, what the networks of a cycle learn from, and their batches."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from sparsegan import data
from sparsegan.data import Images
from sparsegan.data.pairs import has_test_images
from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.seeding import stream
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.train.batches import Batches, Inputs


@dataclass(frozen=True, eq=False)
class Unpaired:
    """Two sets of images, A and B, of which no two belong together."""

    a: Images
    b: Images

    def __len__(self) -> int:
        """Images of the larger set: an epoch has seen all of both."""
        return max(len(self.a), len(self.b))

    @property
    def name(self) -> str:
        """What to call them."""
        return f"{self.a.name} and {self.b.name}"

    @property
    def sides(self) -> tuple[Images, Images]:
        """A and B."""
        return self.a, self.b

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprints of both."""
        return f"{self.a.fingerprint} {self.b.fingerprint}"


def load_images(config: Config) -> Unpaired:
    """The images to learn from, in the folders trainA and trainB.

    Raises:
        SparseganError: They cannot be read, or the settings ask for something else.
    """
    return _load(config, "train")


def held_out(config: Config, train: Unpaired) -> tuple[Unpaired, Unpaired]:
    """Images to compare translations with, and others to translate, of no part in each other.

    With test images these are the training images and the test images; without, the images of
    every second place in trainA and trainB, and those between them.

    Raises:
        SparseganError: They cannot be read, or there are too few.
    """
    if has_test_images(_path(config)):
        return train, _load(config, "test")
    return _every_second(train, 0), _every_second(train, 1)


def _load(config: Config, split: str) -> Unpaired:
    settings = config.data
    a, b = data.load_pair(
        _path(config),
        split=split,
        image_size=settings.image_size or kinds.IMAGE_TO_IMAGE.image_size,
        channels=settings.channels,
        skip_broken=settings.skip_broken,
    )
    return Unpaired(a, b)


def _path(config: Config) -> Path:
    settings = config.data
    if settings.source not in (None, "folder") or settings.path is None:
        what = f"data.source is {settings.source}" if settings.source else "data.path is missing"
        raise SparseganError(
            f"{what}, and network.name is cyclegan, which learns from two sets of images: name "
            "the folder or archive that has trainA and trainB with --data.path"
        )
    if settings.classes is not None:
        raise SparseganError(
            f"data.classes is {', '.join(settings.classes)}, and the two sets that cyclegan learns "
            "from have no classes: leave it out"
        )
    if settings.held_out is not None:
        raise SparseganError(
            f"data.held_out is {settings.held_out}, and cyclegan's held-out images are those in "
            "the folders testA and testB: leave it out"
        )
    return expanded(settings.path)


def _every_second(train: Unpaired, first: int) -> Unpaired:
    for side in train.sides:
        if len(side) < 2:
            raise SparseganError(
                f"there are no test images and {side.name} has {len(side)} image: add more, or the "
                "folders testA and testB"
            )
    a, b = (replace(side, pixels=side.pixels[first::2]) for side in train.sides)
    return Unpaired(a, b)


class CycleBatches:
    """One rank's share of every batch of both sets, each in an order of its own.

    A generator's images are made of real ones, so that real batches and latents are the same: a
    tuple of images of A and of B, `(n, C, H, W)` each, in [-1, 1].

    Args:
        images: What to learn from.
        config: The run's settings; batch sizes in it are global, and of each set.
        rank: This process, of `world_size`.
        world_size: Processes that share every batch.
        device: Where the tensors are wanted.

    Raises:
        SparseganError: A batch size does not suit the processes or the images.
    """

    def __init__(
        self, images: Unpaired, config: Config, rank: int, world_size: int, device: torch.device
    ) -> None:
        self.images, self.config, self.rank = images, config, rank
        # Equal counts and one seed would show the same two images together in every epoch.
        other = int(torch.randint(2**62, (), generator=stream(config.seed, "the other set")))

        def both(settings: Config) -> tuple[Batches, Batches]:
            of_b = replace(settings, seed=other)
            return (
                Batches(images.a, settings, rank, world_size, device),
                Batches(images.b, of_b, rank, world_size, device),
            )

        self._sides = both(config)
        once = replace(config, batch_size=config.generator_batch_size, discriminator_steps=1)
        self._generator_sides = both(once)

    def real(self, step: int, k: int) -> Inputs:
        """Images of both sets for the k-th discriminator step (from 0) of a step (from 1)."""
        return tuple(side.real(step, k)[0] for side in self._sides)

    def latents(self, step: int, k: int) -> Inputs:
        """The images that the k-th discriminator step of a step translates."""
        return self.real(step, k)

    def generator_latents(self, step: int) -> Inputs:
        """The same for the generators' part of a step.

        With equal batch sizes and one discriminator step it is the same images, as published.
        """
        return tuple(side.real(step, 0)[0] for side in self._generator_sides)

    def random_numbers(self, step: int, k: int) -> Tensor:
        """What the image histories decide by: uniform in [0, 1), `(2, n, 2)`, on the CPU."""
        share = self._sides[0].config.batch_size // self._sides[0].world_size
        random_stream = stream(self.config.seed, "history", step, k, self.rank)
        return torch.rand(2, share, 2, generator=random_stream)
