"""Whether a machine's memory can hold a run: asked before it begins, told where it comes to an end.

It asks for the least that a run needs; what its activations take is known when it is trained.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sparsegan import machine
from sparsegan.errors import SparseganError
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.torch_private import SpectralNorm
from sparsegan.train import networks

_FLOAT = 4
_COPIES = 4
"""A weight, its gradient and Adam's two moments."""


@contextmanager
def on_no_device() -> Iterator[None]:
    """Make networks on the meta device; the power iterations of their making are left out."""
    iterate = SpectralNorm._power_method
    SpectralNorm._power_method = lambda *_: None  # type: ignore[method-assign]
    try:
        with torch.device("meta"):
            yield
    finally:
        SpectralNorm._power_method = iterate  # type: ignore[method-assign]


def require(config: Config) -> None:
    """Refuse a run whose weights or batches cannot be held; nothing of it is made.

    Networks of one's own are not counted, since making them is the only way to know them.

    Args:
        config: Resolved.

    Raises:
        SparseganError: With what is needed at least, and what there is.
    """
    size, channels = config.data.image_size, config.data.channels
    assert size is not None, "the configuration is not resolved"
    assert channels is not None, "the configuration is not resolved"
    holder, most = _memory(config)
    numbers = channels * size**2 + (config.network.latent_dim or 0)
    batch = max(config.batch_size, config.generator_batch_size)
    batches = batch * numbers * _FLOAT // config.fabric.devices
    if batches > most:
        raise SparseganError(
            f"a batch of {batch:,} takes {_gigabytes(batches)} at least, and {holder} has "
            f"{_gigabytes(most)}: lower batch_size and generator_batch_size"
        )
    weights = _weights(config) * _COPIES * _FLOAT
    if weights > most:
        raise SparseganError(
            f"the networks take {_gigabytes(weights)} at least, with gradients and the optimiser's "
            f"moments, and {holder} has {_gigabytes(most)}: lower network.generator_width, "
            "network.discriminator_width or network.latent_dim"
        )


def _weights(config: Config) -> int:
    total = 0
    for _, settings in kinds.of(config.network.name).games(config):
        if settings.network.generator is None and settings.network.discriminator is None:
            with on_no_device():
                built = networks.build(settings)
            total += sum(p.numel() for network in built for p in network.parameters())
    return total


def _memory(config: Config) -> tuple[str, int]:
    """What has to hold the run, and its bytes."""
    kind = config.fabric.accelerator
    if kind in ("cuda", "auto") and torch.cuda.is_available():
        return "the GPU", torch.cuda.get_device_properties(0).total_memory
    return "this machine", machine.memory()


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


@contextmanager
def enough() -> Iterator[None]:
    """Tell in one sentence where memory runs out in the block.

    Raises:
        SparseganError: It did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # PyTorch has an exception of its own for GPUs alone.
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and (
            "DefaultCPUAllocator" not in str(error)
        ):
            raise
        raise SparseganError(
            "there is not enough memory for the run: split its batches (accumulate 2, 4, …), or "
            "lower batch_size, generator_batch_size or the networks' widths"
        ) from error
