"""The numbers of every step as functions of (seed, step, rank), so that no loader has a state."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan import data
from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.settings.config import Config
from sparsegan.train import build

Inputs = tuple[Tensor, ...]
"""What a network is called with: noise or images, and labels where it is conditional."""


@dataclass(frozen=True)
class Batches:
    """One rank's share of every batch.

    Latents are what G is called with, `G(*latents)`: noise `(n, latent_dim)`, and for conditional
    networks labels, int64 `(n,)`, each class as likely as any other. Real batches are what D is
    called with, `D(*real)`.

    Args:
        images: What to learn from.
        config: The run's settings; batch sizes in it are global.
        rank: This process, of `world_size`.
        world_size: Processes that share every batch.
        device: Where the tensors are wanted.
    """

    images: Images
    config: Config
    rank: int
    world_size: int
    device: torch.device

    def __post_init__(self) -> None:
        for name in ("batch_size", "generator_batch_size"):
            size = getattr(self.config, name)
            shares = self.world_size * self.config.accumulate
            if size % shares:
                parts = f", each in accumulate={self.config.accumulate} parts"
                raise SparseganError(
                    f"{name} is {size} for {self.world_size} processes"
                    f"{parts if self.config.accumulate > 1 else ''}: "
                    f"choose a multiple of {shares}"
                )
        if self.config.batch_size > len(self.images):
            raise SparseganError(
                f"batch_size is {self.config.batch_size} but {self.images.name} has only "
                f"{len(self.images)} images to learn from: {self._remedy()}"
            )

    def _remedy(self) -> str:
        shares = self.world_size * self.config.accumulate
        largest = len(self.images) // shares * shares
        if not largest:
            return "add more images"
        flags = [f"--batch_size {largest}"]
        if self.config.generator_batch_size > largest:
            flags.append(f"--generator_batch_size {largest}")
        return f"add more images, or train with {' '.join(flags)} or less"

    def real(self, step: int, k: int) -> Inputs:
        """Real images of the k-th discriminator step (from 0) of a step (from 1), in [-1, 1].

        For conditional networks their labels besides. Steps beyond those of the settings, as a
        method may ask for, see the images in orders of their own.
        """
        config = self.config
        number, seed = (step - 1) * config.discriminator_steps + k, config.seed
        if k >= config.discriminator_steps:
            number, seed = step - 1, _drawn(seed, k)
        indices = data.batch_indices(len(self.images), config.batch_size, number, seed)
        share = config.batch_size // self.world_size
        mine = indices[self.rank * share : (self.rank + 1) * share]
        flip = None
        if config.data.flip:
            flip = torch.rand(share, generator=self._stream("flip", step, k)) < 0.5
        # Bytes travel to the device, not floats.
        pixels = self.images.pixels.index_select(0, mine).to(self.device)
        images = data.to_float(pixels, flip)
        if self._classes is None:
            return (images,)
        assert self.images.labels is not None, "the configuration is not resolved"
        return images, self.images.labels.index_select(0, mine).to(self.device)

    def latents(self, step: int, k: int) -> Inputs:
        """Latents of the k-th discriminator step of a step."""
        return self._latents(self.config.batch_size, "noise", step, k)

    def generator_latents(self, step: int) -> Inputs:
        """Latents of the generator's part of a step."""
        return self._latents(self.config.generator_batch_size, "generator noise", step)

    def random_numbers(self, step: int, k: int) -> Tensor:
        """Where between real and fake the gradient penalty looks, in [0, 1], `(n,)`."""
        share = self.config.batch_size // self.world_size
        return torch.rand(share, generator=self._stream("mix", step, k)).to(self.device)

    @functools.cached_property
    def _classes(self) -> int | None:
        return build.classes(self.config)

    def _latents(self, size: int, *names: str | int) -> Inputs:
        share, length = size // self.world_size, self.config.network.latent_dim
        assert length is not None, "the configuration is not resolved"
        z = torch.randn((share, length), generator=self._stream(*names)).to(self.device)
        if self._classes is None:
            return (z,)
        random_stream = self._stream("labels", *names)
        return z, torch.randint(self._classes, (share,), generator=random_stream).to(self.device)

    def _stream(self, *names: str | int) -> torch.Generator:
        return stream(self.config.seed, *names, self.rank)


def _drawn(seed: int, k: int) -> int:
    """A seed of its own for the order of the images in further discriminator steps."""
    return int(torch.randint(2**62, (), generator=stream(seed, "further steps", k)))
