"""Which images are in which batch, and how they enter a network."""

import functools

import torch
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.seeding import stream


def batch_indices(count: int, batch_size: int, step: int, seed: int) -> Tensor:
    """The images of the ``step``-th batch, as a function of the arguments alone.

    Every epoch is a permutation of its own, and batches run on across the border of two epochs, so
    that every image is seen equally often. There is no loader and so no state of one to save.

    Args:
        count: Number of images.
        batch_size: Images in a batch; may exceed ``count``.
        step: Batches before this one.
        seed: The run's seed.

    Returns:
        int64 ``(batch_size,)``, places in ``range(count)``.

    Raises:
        SparseganError: ``count`` or ``batch_size`` is below 1, or ``step`` is negative.
    """
    if count < 1 or batch_size < 1 or step < 0:
        raise SparseganError(
            f"a batch needs at least one image, a batch size of at least 1 and a step from 0 on, "
            f"not {count} images, batch size {batch_size} and step {step}"
        )
    position, end = step * batch_size, (step + 1) * batch_size
    parts = []
    while position < end:
        epoch, start = divmod(position, count)
        part = _permutation(count, seed, epoch)[start : start + end - position]
        parts.append(part)
        position += len(part)
    return torch.cat(parts)


def to_float(pixels: Tensor, flip: Tensor | None = None) -> Tensor:
    """Images as a network takes them.

    Args:
        pixels: uint8 ``(N, C, H, W)``.
        flip: bool ``(N,)``: the images to mirror left to right; None mirrors none.

    Returns:
        float32 ``(N, C, H, W)`` in [-1, 1], on the device of ``pixels``.

    Raises:
        SparseganError: ``pixels`` is not uint8.
    """
    if pixels.dtype != torch.uint8:
        raise SparseganError(f"pixels have to be uint8 from 0 to 255, not {pixels.dtype}")
    if flip is not None:
        # Picking whole images is several times faster than `torch.where` on bytes.
        both = torch.cat([pixels, pixels.flip(-1)])
        rows = torch.arange(len(pixels), device=flip.device) + len(pixels) * flip
        pixels = both.index_select(0, rows.to(pixels.device))
    return pixels.to(torch.float32).div_(127.5).sub_(1)


# A batch lies in at most two epochs unless it is larger than the data set.
@functools.lru_cache(maxsize=4)
def _permutation(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=stream(seed, "data", epoch))
