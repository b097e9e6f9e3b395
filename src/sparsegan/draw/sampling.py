"""Images out of a generator, without leaving a trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from sparsegan.methods import Method
from sparsegan.methods.settings import Settings
from sparsegan.seeding import stream
from sparsegan.torch_private import BatchNorm
from sparsegan.undisturbed import undisturbed

Normalisation = Literal["standing", "stored", "batch"]
Weights = Literal["ema", "live"]

STANDING_BATCHES = 64
"""Batches over which standing statistics are estimated (docs/methods.md, hazard 6)."""


@contextmanager
def standing_statistics(generator: nn.Module, seed: int, batch: int = 64) -> Iterator[None]:
    """Batch normalisation by statistics estimated anew on the weights as they are now.

    Inside, the generator is in evaluation mode and its running statistics are the plain average
    over `STANDING_BATCHES` batches of noise, of all classes alike. A network without batch
    normalisation is only put into evaluation mode. The caller restores buffers and modes
    (`sampled` does).
    """
    norms = [module for module in generator.modules() if isinstance(module, BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        if norms:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # PyTorch's way to say: the plain average over batches
            generator.train()
            labels = uniform_labels(generator, STANDING_BATCHES * batch, seed)
            for number in range(STANDING_BATCHES):
                z = _noise(generator, batch, seed, "standing", number)
                generator(*_inputs(z, labels, number))
        generator.eval()
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def lasting(bn: Normalisation, settings: Settings) -> Normalisation:
    """The statistics that a single image can be drawn under: as evaluated, or else standing.

    Args:
        bn: How a run evaluates its generator.
        settings: Its method's.
    """
    return "stored" if bn == "stored" and settings.has_statistics else "standing"


@contextmanager
def sampled(
    method: Method, *, bn: Normalisation = "standing", weights: Weights = "ema", seed: int = 0
) -> Iterator[nn.Module]:
    """The method's generator ready to draw images from; everything is put back afterwards.

    Args:
        method: Whose generator.
        bn: ``standing``: statistics estimated anew; ``stored``: those that training has left
            (published for STU-GAN's SNGAN: the average's own, evaluation mode); ``batch``: each
            batch's own (published for ADAPT; training mode).
        weights: The average, where the method keeps one, or the weights as they are.
        seed: Of the noise for standing statistics.

    Raises:
        SparseganError: The statistics that are wanted were not kept.
    """
    method.settings.require_statistics(bn, weights)
    network = method.generator.module
    averaged = weights == "ema" and method.ema is not None
    swap = method.ema.swapped() if averaged and method.ema is not None else nullcontext()
    with undisturbed(network), torch.no_grad(), swap:
        if bn == "batch":
            network.train()
            yield network
            return
        network.eval()
        statistics = standing_statistics(network, seed) if bn == "standing" else nullcontext()
        with statistics, method.generator.engine.constant():
            yield network


def draw_images(
    generator: nn.Module,
    count: int,
    *,
    seed: int,
    labels: Tensor | None = None,
    batch: int = 100,
) -> Tensor:
    """Generated images as uint8 `(count, C, H, W)` on the CPU; noise is not truncated.

    The i-th image depends on (seed, i) and its label alone unless statistics are the batch's: then
    on its batch of `batch` images (published: 100), the last of which is drawn whole.

    Args:
        generator: Called with noise, and with labels where it is conditional.
        count: How many images.
        seed: Of the noise and the labels.
        labels: Classes of the images, int64 `(count,)`; None draws them, each as likely as any
            other. Only for a conditional generator.
        batch: Images that are generated at once.
    """
    parts, whole = [], -(-count // batch) * batch
    classes = uniform_labels(generator, whole, seed)
    if classes is not None and labels is not None:
        classes[:count] = labels
    with torch.no_grad():
        for number in range(whole // batch):
            z = _noise(generator, batch, seed, "sample", number)
            parts.append(to_uint8(generator(*_inputs(z, classes, number))).cpu())
    return torch.cat(parts)[:count]


def uniform_labels(generator: nn.Module, count: int, seed: int) -> Tensor | None:
    """The labels, int64 `(count,)`, of `draw_images`; None for a generator without classes."""
    classes: int | None = getattr(generator, "classes", None)
    if classes is None:
        return None
    return torch.randint(classes, (count,), generator=stream(seed, "sample labels"))


def _inputs(z: Tensor, labels: Tensor | None, number: int) -> tuple[Tensor, ...]:
    """The noise of the batch of that number, and its part of the labels where there are any."""
    if labels is None:
        return (z,)
    return z, labels[number * len(z) : (number + 1) * len(z)].to(z.device)


def to_uint8(images_: Tensor) -> Tensor:
    """What a generator gives, in [-1, 1], as bytes."""
    return (images_.float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def _noise(generator: nn.Module, count: int, seed: int, *names: str | int) -> Tensor:
    length: int = generator.latent_dim  # type: ignore[assignment]
    return torch.randn((count, length), generator=stream(seed, *names)).to(device_of(generator))


def device_of(generator: nn.Module) -> torch.device:
    """Where a generator takes its input."""
    # The runtime's generators have no parameters and take noise from the CPU.
    return next((each.device for each in generator.parameters()), torch.device("cpu"))
