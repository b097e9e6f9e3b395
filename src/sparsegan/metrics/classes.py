"""Which classes of a labelled set a sample has, as told by a small classifier of features."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan.errors import SparseganError

PRESENT = 0.1
"""A class counts as seen from a tenth of the images that real ones would have of it: less is what a
classifier's errors alone put there."""


@dataclass(frozen=True)
class ClassCoverage:
    """The classes of a sample; both numbers depend on its size, so print those of real images.

    Attributes:
        seen: Share of the classes that at least one image, and `PRESENT` of what real images would
            have, is told to be of.
        entropy: Of the classes' shares over its largest value: 1 where all are as often.
    """

    seen: float
    entropy: float


class ClassClassifier:
    """Linear discriminant analysis: Gaussian classes of one covariance, in closed form.

    The covariance is shrunk towards a multiple of the identity as Ledoit and Wolf (2004) estimate
    it to be best, so that features may be more than images. Nothing is drawn at random and nothing
    iterates: equal features give an equal classifier.

    Args:
        features: Of real images, ``(n, d)``.
        labels: Their classes, int64 ``(n,)``.
        classes: How many classes there are; those without an image are never told.

    Attributes:
        shares: Of each class among the images, float64 ``(classes,)``.

    Raises:
        SparseganError: There are not two classes with images, or not one more image than classes.
    """

    def __init__(self, features: Tensor, labels: Tensor, classes: int) -> None:
        x, counts = features.double(), torch.bincount(labels, minlength=classes).double()
        present = int((counts > 0).sum())
        if present < 2 or len(x) <= present:
            raise SparseganError(
                f"a classifier needs two classes and more images than classes, not {len(x)} images "
                f"of {present}: leave classes out of evaluate.metrics"
            )
        self.shares = counts / len(x)
        sums = torch.zeros(classes, x.shape[1], dtype=torch.float64).index_add_(0, labels, x)
        means = sums / counts.clamp(min=1)[:, None]
        covariance = shrunk_covariance(x - means[labels])
        self._weight = torch.linalg.solve(covariance, means.T)
        self._bias = self.shares.log() - (means.T * self._weight).sum(0) / 2

    def __call__(self, features: Tensor) -> Tensor:
        """The class of each image: features ``(n, d)`` to int64 ``(n,)``."""
        scores: Tensor = features.double() @ self._weight + self._bias
        return scores.argmax(1)

    def coverage(self, features: Tensor) -> ClassCoverage:
        """Which classes a sample of features ``(n, d)`` has."""
        counts = torch.bincount(self(features), minlength=len(self.shares)).double()
        present = self.shares > 0
        wanted = (PRESENT * len(features) * self.shares).clamp(min=1)
        seen = (counts >= wanted)[present].double().mean()
        shares = counts[counts > 0] / counts.sum()
        entropy = -(shares * shares.log()).sum() / math.log(int(present.sum()))
        return ClassCoverage(seen.item(), max(0.0, entropy.item()))


def shrunk_covariance(centred: Tensor) -> Tensor:
    """Covariance of rows of mean zero, shrunk as Ledoit and Wolf estimate (2004, lemma 3.2 to 3.4).

    Args:
        centred: float64 ``(n, d)``.

    Returns:
        float64 ``(d, d)``, positive definite.
    """
    n, d = centred.shape
    sample = centred.T @ centred / n
    scale = sample.trace() / d
    identity = torch.eye(d, dtype=torch.float64)
    distance = (sample - scale * identity).square().sum()
    error = (centred.square().sum(1).square().sum() / n - sample.square().sum()) / n
    share = (error / distance).clamp(0, 1) if distance > 0 else torch.ones((), dtype=torch.float64)
    # Features that never vary have no covariance, and then no direction counts more than another.
    least = torch.finfo(torch.float64).tiny ** 0.5
    return (1 - share) * sample + (share * scale).clamp(min=least) * identity
