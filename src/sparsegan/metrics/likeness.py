"""How alike generated images are, to each other and to single training images."""

import torch
from torch import Tensor

FEWEST = 20
"""Images by whose distances a copy is told from others; of fewer the nearest alone would say."""
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
    be expected of a generator that repeats none. Where fewer than `FEWEST` are held out, training
    images stand for them, each beside all others: as far from those as a held-out one would be.

    Args:
        training: Features of all training images, `(m, d)`.
        held_out: Features of others, `(k, d)`; m or k is at least `FEWEST`.
    """

    def __init__(self, training: Tensor, held_out: Tensor) -> None:
        self._training = training.float()
        if len(held_out) >= FEWEST:
            distances, _ = nearest(held_out, self._training)
        else:
            distances = _among(self._training)
        self._near = torch.quantile(distances, NEAR)

    def __call__(self, generated: Tensor) -> float:
        """The share of generated images `(n, d)` that are copies."""
        distances, _ = nearest(generated, self._training)
        return float((distances < self._near).double().mean())


def _among(x: Tensor) -> Tensor:
    """How far each of `x` `(n, d)` is from the nearest of all others, `(n,)`."""
    parts = []
    for begin, rows in zip(range(0, len(x), _ROWS), torch.split(x, _ROWS), strict=True):
        distances = torch.cdist(rows, x)
        own = torch.arange(len(rows))
        distances[own, begin + own] = torch.inf
        parts.append(distances.min(1).values)
    return torch.cat(parts)
