"""Kernel Inception Distance (Binkowski et al., 2018): unbiased at every sample size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.metrics.samples import paired_samples
from sparsegan.seeding import stream

# Rows of a kernel matrix held at a time: 80 MB at 10,000 columns.
_ROWS = 1000


@dataclass(frozen=True)
class KID:
    """A squared maximum mean discrepancy and its bootstrap interval.

    Attributes:
        value: The estimate; unbiased, so it can be below zero where the distributions are equal.
        low: Lower end of the interval; NaN, as ``high``, where images are so few that a resample
            was of one alone.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float


def kid(
    x: Tensor, y: Tensor, *, bootstrap: int = 200, confidence: float = 0.95, seed: int = 0
) -> KID:
    """Squared MMD of two samples under the kernel ``(x·y / d + 1)³``, on the whole samples.

    The interval is the percentile bootstrap over the images of both samples. An image drawn twice
    would be compared with itself; such pairs are left out, as the estimate itself leaves out the
    diagonal, so that the resampled values stay unbiased. Computed in float64; 10,000 against
    10,000 vectors of 1280 take 600 MB and about a minute on two cores.

    Args:
        x: ``(n_x, d)``, at least two rows.
        y: ``(n_y, d)``, at least two rows.
        bootstrap: Number of resamples, at least 1.
        confidence: Share of the resampled values within the interval.
        seed: Of the resamples; nothing else is random, and no global generator is used.

    Raises:
        SparseganError: The samples do not fit together, are too small or not finite.
    """
    x, y = paired_samples(x, y)
    if bootstrap < 1 or not 0 < confidence < 1:
        raise SparseganError(
            f"KID needs at least one resample and a confidence between 0 and 1, "
            f"not {bootstrap} and {confidence}"
        )
    generator = stream(seed, "kid-bootstrap")
    x_counts = _resamples(len(x), bootstrap, generator)
    y_counts = _resamples(len(y), bootstrap, generator)
    between = _kernel_sums(x, y, x_counts, y_counts) / (len(x) * len(y))
    values = _within(x, x_counts) + _within(y, y_counts) - 2 * between
    tail = (1 - confidence) / 2
    ends = torch.quantile(values[1:], torch.tensor([tail, 1 - tail], dtype=torch.float64))
    return KID(values[0].item(), ends[0].item(), ends[1].item())


def _resamples(count: int, bootstrap: int, generator: torch.Generator) -> Tensor:
    """How often each image is drawn: float64 ``(1 + bootstrap, count)``, in row 0 once each."""
    drawn = torch.randint(count, (bootstrap, count), generator=generator)
    counts = torch.zeros(1 + bootstrap, count, dtype=torch.float64)
    counts[0] = 1
    counts[1:].scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))
    return counts


def _within(x: Tensor, counts: Tensor) -> Tensor:
    """Mean kernel over the ordered pairs of different images, for every row of ``counts``."""
    squares = counts.square()
    diagonal = ((x * x).sum(1) / x.shape[1] + 1) ** 3
    pairs = float(len(x)) ** 2 - squares.sum(1)
    return (_kernel_sums(x, x, counts, counts) - squares @ diagonal) / pairs


def _kernel_sums(x: Tensor, y: Tensor, x_counts: Tensor, y_counts: Tensor) -> Tensor:
    """``sum_ij x_counts[b, i] k(x_i, y_j) y_counts[b, j]`` for every b: float64 ``(B,)``."""
    total = torch.zeros(len(x_counts), dtype=torch.float64)
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        kernel = ((x[rows] @ y.T).div_(x.shape[1]) + 1).pow_(3)
        total += ((x_counts[:, rows] @ kernel) * y_counts).sum(1)
    return total
