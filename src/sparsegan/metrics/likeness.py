"""How alike generated images are, to each other and to single training images."""

import torch
from torch import Tensor

FEWEST = 20
"""Held-out images below which the nearest one alone would say what a copy is."""
NEAR = 1 / FEWEST
"""The share of held-out images that lie as near to a training image as what counts as a copy."""

_ROWS = 512


def diversity(generated: Tensor, real: Tensor) -> float:
    """How much generated images differ, as a share of how much real ones do.

    Args:
        generated: Features `(n, d)`.
        real: Features `(m, d)`.

    Returns:
        The ratio of the summed variances: 0 where all generated images are one, about 1 where they
        differ like real ones.
    """
    own, other = (x.to(torch.float64).var(0).sum() for x in (generated, real))
    return float(own / other) if other > 0 else float("nan")


def nearest(x: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """How far each of `x` `(n, d)` is from the nearest of `references` `(m, d)`, and which it is.

    Returns:
        Distances `(n,)`, and indices int64 `(n,)`.
    """
    parts = [torch.cdist(rows, references).min(1) for rows in torch.split(x.float(), _ROWS)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


class Copies:
    """Tells the share of images that repeat a training image.

    A copy lies nearer to one in features than all but 5 % of held-out images do, so that 0.05 is to
    be expected of a generator that repeats none.

    Args:
        training: Features of all training images, `(m, d)`.
        held_out: Features of others, `(k, d)`.
    """

    def __init__(self, training: Tensor, held_out: Tensor) -> None:
        self._training = training.float()
        self._near = torch.quantile(nearest(held_out, self._training)[0], NEAR)

    def __call__(self, generated: Tensor) -> float:
        """The share of generated images `(n, d)` that are copies."""
        distances, _ = nearest(generated, self._training)
        return float((distances < self._near).double().mean())
