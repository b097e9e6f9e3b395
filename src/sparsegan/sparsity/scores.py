"""What to drop and what to grow: plain functions from weights and gradients to scores.

A score is a number for each weight, in a tensor of its shape; a block's is the mean of its
weights'. Dropping takes the lowest scores among active weights, growing the highest among inactive
ones.
"""

import torch
from torch import Tensor


def magnitude(weight: Tensor) -> Tensor:
    """``|w|``: small weights matter least (SET, RigL, ADAPT and STU-GAN drop by it)."""
    return weight.detach().abs()


def gradient(grad: Tensor) -> Tensor:
    """``|dL/dw|``: where the loss would change fastest (RigL's growth).

    A gradient that is not a number scores below every other, so that it is never preferred.
    """
    return grad.detach().abs().nan_to_num(nan=-1.0, posinf=torch.finfo(grad.dtype).max)


def random(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Uniform whole numbers of 53 bits: growth by them is SET's.

    Args:
        like: A tensor of the shape and on the device wanted.
        generator: A CPU generator; drawing on the CPU makes masks equal on every device.
    """
    # So many values that equal scores, which need a second draw, hardly occur.
    drawn = torch.empty(like.shape, dtype=torch.int64).random_(0, 2**53, generator=generator)
    return drawn.to(like.device)


def snip(weight: Tensor, grad: Tensor) -> Tensor:
    """``|w * dL/dw|``: the connection sensitivity of SNIP (Lee et al., 2019), from one batch.

    Masks of a network at initialisation: ``rewire.resize(ones, snip(w, g), budget)``.
    """
    return gradient(weight.detach() * grad)
