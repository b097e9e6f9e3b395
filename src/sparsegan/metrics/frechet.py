"""Fréchet distance between Gaussians fitted to two samples (Heusel et al., 2017)."""

import torch
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.metrics.samples import paired_samples


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """``|m_x - m_y|² + tr(S_x + S_y - 2 (S_x S_y)^½)`` of means and unbiased covariances.

    The bias falls with the number of vectors and is large while that is not many times d: print
    the distance of real images from real ones beside it. Samples of different sizes have
    different biases and are refused. It is FID only with the Inception network of FID.

    Computed in float64 from triangular factors of the centred samples (``S = RᵀR``), as the trace
    of the root is the sum of the singular values of ``R_x R_yᵀ``: no covariance is formed and no
    eigenvalue of rounding noise has its root taken.

    Args:
        x: ``(n, d)``, n at least 2.
        y: ``(n, d)``.

    Raises:
        SparseganError: The samples differ in shape, are too small or not finite.
    """
    x, y = paired_samples(x, y)
    if len(x) != len(y):
        raise SparseganError(
            f"the Fréchet distance needs equally many images on both sides, not {len(x)} and "
            f"{len(y)}, because its bias depends on the number: take as many of each"
        )
    root_x, root_y = _covariance_root(x), _covariance_root(y)
    means = (x.mean(0) - y.mean(0)).square().sum()
    traces = root_x.square().sum() + root_y.square().sum()
    cross = torch.linalg.svdvals(root_x @ root_y.T).sum()
    # Equal samples give zero up to rounding, which may be on either side.
    return max(0.0, float(means + traces - 2 * cross))


def _covariance_root(x: Tensor) -> Tensor:
    """R with ``RᵀR`` the covariance of the rows: float64 ``(min(n, d), d)``."""
    centred = x - x.mean(0)
    root: Tensor = torch.linalg.qr(centred / (len(x) - 1) ** 0.5, mode="r").R
    return root
