"""Scores of three batches, on any number of processes, made into one record."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from sparsegan import ranks
from sparsegan.balance.record import BalanceRecord
from sparsegan.precision import total, with_float64

Mean = tuple[float, float]
"""This rank's sum, and what the ranks' sum of these is divided by."""


def measurement(
    real: Tensor, before: Tensor, after: Tensor, gradients: Mapping[str, float]
) -> BalanceRecord:
    """The record of D's scores (logits), averaged over ranks in double precision.

    Args:
        real: Of the real batch that D saw last, of any shape whose first size is the batch's.
        before: Of fakes before G's step.
        after: Of the same fakes after it.
        gradients: Relative sizes of gradients, as the record's fields are called.
    """
    batches = [(total(batch), float(batch.numel())) for batch in (real, before, after)]
    record = BalanceRecord(*_means(batches, before))
    # In a communication of their own, so that the scores' means are what they were without them.
    more = {
        "real_positive": (total(real > 0), float(real.numel())),
        "fake_spread": _squares(before, record.fake_before),
        **{name: (size, 1.0) for name, size in gradients.items()},
    }
    means = dict(zip(more, _means(list(more.values()), before), strict=True))
    means["fake_spread"] **= 0.5
    return BalanceRecord(record.real, record.fake_before, record.fake_after, **means)


def _squares(scores: Tensor, mean: float) -> Mean:
    """Squared distances of the images' scores from the mean, by one image less than there are."""
    images = with_float64(scores.detach()).double()
    if scores.dim():
        images = images.reshape(len(scores), -1).mean(1)  # of scores of patches, an image's mean
    return total((images - mean) ** 2), images.numel() - 1 / ranks.count()


def _means(sums: Sequence[Mean], like: Tensor) -> list[float]:
    """Of all ranks; NaN of nothing."""
    numbers = ranks.totals([s for s, _ in sums] + [n for _, n in sums], like.device)
    halves = numbers[: len(sums)], numbers[len(sums) :]
    return [s / n if n else math.nan for s, n in zip(*halves, strict=True)]
