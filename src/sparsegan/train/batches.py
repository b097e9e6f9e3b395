"""The numbers of every step as functions of (seed, step, rank), so that no loader has a state."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan import data
from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.train.config import Config


@dataclass(frozen=True)
class Batches:
    """One rank's share of every batch.

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
            if size % self.world_size:
                raise SparseganError(
                    f"{name} is {size} for {self.world_size} processes: "
                    f"choose a multiple of {self.world_size}"
                )
        if self.config.batch_size > len(self.images):
            raise SparseganError(
                f"batch_size is {self.config.batch_size} but {self.images.name} has only "
                f"{len(self.images)} images: choose a smaller batch or more images"
            )

    def real(self, step: int, k: int) -> Tensor:
        """Real images of the k-th discriminator step (from 0) of a step (from 1), in [-1, 1]."""
        config = self.config
        number = (step - 1) * config.discriminator_steps + k
        indices = data.batch_indices(len(self.images), config.batch_size, number, config.seed)
        share = config.batch_size // self.world_size
        mine = indices[self.rank * share : (self.rank + 1) * share]
        flip = None
        if config.data.flip:
            flip = torch.rand(share, generator=self._stream("flip", step, k)) < 0.5
        return data.to_float(self.images.pixels[mine], flip).to(self.device)

    def noise(self, step: int, k: int) -> Tensor:
        """Noise `(n, latent_dim)` of the k-th discriminator step of a step."""
        return self._normal(self.config.batch_size, "noise", step, k)

    def generator_noise(self, step: int) -> Tensor:
        """Noise `(n, latent_dim)` of the generator's part of a step."""
        return self._normal(self.config.generator_batch_size, "generator noise", step)

    def mix(self, step: int, k: int) -> Tensor:
        """Where between real and fake the gradient penalty looks, in [0, 1], `(n,)`."""
        share = self.config.batch_size // self.world_size
        return torch.rand(share, generator=self._stream("mix", step, k)).to(self.device)

    def _normal(self, size: int, *names: str | int) -> Tensor:
        shape = size // self.world_size, self.config.network.latent_dim
        return torch.randn(shape, generator=self._stream(*names)).to(self.device)

    def _stream(self, *names: str | int) -> torch.Generator:
        return stream(self.config.seed, *names, self.rank)
