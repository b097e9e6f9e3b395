"""The engine's memory format: logically NCHW, the batch innermost in memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK = 4
"""Output channels of a block of weights: those that the kernels can compute at a time."""


def is_batch_inner(x: Tensor) -> bool:
    """Says whether ``x`` (N, C, H, W) lies in memory as a contiguous (C, H, W, N) tensor."""
    return x.dim() == 4 and x.permute(1, 2, 3, 0).is_contiguous()


def to_batch_inner(x: Tensor) -> Tensor:
    """Returns ``x`` (N, C, H, W) with the batch innermost in memory; itself where it is so.

    Differentiable. With a batch of one the format is that of a contiguous tensor.
    """
    return x.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2)


def empty_batch_inner(like: Tensor, size: Sequence[int | torch.SymInt]) -> Tensor:
    """An uninitialised tensor of logical ``size`` (N, C, H, W) with the batch innermost."""
    n, c, h, w = size
    # Not a permuted view: autograd refuses to let an operator's view be modified in place.
    return like.new_empty_strided((n, c, h, w), (1, h * w * n, w * n, n))
