"""Images out of a generator, without leaving a trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sparsegan.methods import Method
from sparsegan.seeding import stream
from sparsegan.undisturbed import undisturbed

Normalisation = Literal["standing", "batch"]
Weights = Literal["ema", "live"]

STANDING_BATCHES = 64
"""Batches over which standing statistics are estimated (docs/design.md, normalisation)."""


@contextmanager
def standing_statistics(
    generator: nn.Module, latent_dim: int, seed: int, batch: int = 64
) -> Iterator[None]:
    """Batch normalisation by statistics estimated anew on the weights as they are now.

    Inside, the generator is in evaluation mode and its running statistics are the plain average
    over `STANDING_BATCHES` batches of noise. A network without batch normalisation is only put
    into evaluation mode. The caller restores buffers and modes (`sampled` does).
    """
    norms = [module for module in generator.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        if norms:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # PyTorch's way to say: the plain average over batches
            generator.train()
            for number in range(STANDING_BATCHES):
                generator(_noise(generator, batch, latent_dim, seed, "standing", number))
        generator.eval()
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


@contextmanager
def sampled(
    method: Method, *, bn: Normalisation = "standing", weights: Weights = "ema", seed: int = 0
) -> Iterator[nn.Module]:
    """The method's generator ready to draw images from; everything is put back afterwards.

    Args:
        method: Whose generator.
        bn: Statistics estimated anew, or each batch's own (published; training mode).
        weights: The average, where the method keeps one, or the weights as they are.
        seed: Of the noise for the statistics.
    """
    network = method.generator.module
    averaged = weights == "ema" and method.ema is not None
    swap = method.ema.swapped() if averaged and method.ema is not None else nullcontext()
    with undisturbed(network), torch.no_grad(), swap:
        if bn == "standing":
            with standing_statistics(network, _latent_dim(network), seed):
                yield network
        else:
            network.train()
            yield network


def images(generator: nn.Module, count: int, *, seed: int, batch: int = 100) -> Tensor:
    """Generated images as uint8 `(count, C, H, W)` on the CPU; noise is not truncated.

    The i-th image depends on (seed, i) alone under standing statistics, and on its batch of
    `batch` images (published: 100) under batch statistics, whose last batch is drawn whole.
    """
    parts = []
    with torch.no_grad():
        for number in range(-(-count // batch)):
            z = _noise(generator, batch, _latent_dim(generator), seed, "sample", number)
            parts.append(_to_uint8(generator(z)).cpu())
    return torch.cat(parts)[:count]


def _to_uint8(images_: Tensor) -> Tensor:
    return (images_.float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def _latent_dim(generator: nn.Module) -> int:
    return int(generator.latent_dim)  # type: ignore[arg-type]


def _noise(
    generator: nn.Module, count: int, latent_dim: int, seed: int, *names: str | int
) -> Tensor:
    device = next(generator.parameters()).device
    return torch.randn((count, latent_dim), generator=stream(seed, *names)).to(device)
