"""Precision, recall, density and coverage of a sample, by nearest neighbours among features.

Precision and recall: Kynkäänniemi et al. (2019). Density and coverage, which a single outlier does
not move: Naeem et al. (2020). The arithmetic is that of the latter's package, ``prdc``.
"""

import contextlib
import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.metrics.samples import paired_samples

NEIGHBOURS = 5
"""How many neighbours the surroundings of an image reach to, real or generated (published: 5)."""

LEAST = NEIGHBOURS + 2
"""Fewest images on a side: each has so many neighbours, and one more."""


@dataclass(frozen=True)
class PRDC:
    """Four shares, of which only density may be above 1; larger is better.

    Attributes:
        precision: Generated images within the surroundings of some real one.
        recall: Real images within the surroundings of some generated one.
        density: How many real surroundings a generated image lies in, over `NEIGHBOURS`.
        coverage: Real images with a generated one in their surroundings.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def require_prdc(count: int) -> None:
    """Refuse to compare so many images where the package is missing, or they are too few.

    Raises:
        SparseganError: One or the other.
    """
    if count < LEAST:
        raise SparseganError(
            f"precision, recall, density and coverage need {LEAST} images on either side, not "
            f"{count}: have more, or leave prdc out of evaluate.metrics"
        )
    if importlib.util.find_spec("prdc") is None:
        raise SparseganError(
            "precision, recall, density and coverage need the package prdc: "
            "pip install 'sparsegan[quality]', or leave prdc out of evaluate.metrics"
        )


def prdc(generated: Tensor, real: Tensor) -> PRDC:
    """Compare a sample with real images; both need equally many, as the shares depend on both.

    Memory: three matrices of n × n float32, 48 MB at 2,000 images.

    Args:
        generated: Features ``(n, d)``, n at least `LEAST`.
        real: ``(n, d)``.

    Raises:
        SparseganError: The package is missing, or the samples do not fit together, are too small
            or not finite.
    """
    generated, real = paired_samples(generated, real)
    require_prdc(min(len(generated), len(real)))
    if len(generated) != len(real):
        raise SparseganError(
            "precision, recall, density and coverage need equally many images on both sides, not "
            f"{len(generated)} and {len(real)}: take as many of each"
        )
    compute = importlib.import_module("prdc").compute_prdc
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        shares = compute(real.float().numpy(), generated.float().numpy(), NEIGHBOURS)
    return PRDC(**{name: float(share) for name, share in shares.items()})
