"""What every distance asks of its two samples of features."""

import torch
from torch import Tensor

from sparsegan.errors import SparseganError


def paired_samples(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both samples in float64 on the CPU.

    Args:
        x: ``(n_x, d)``.
        y: ``(n_y, d)``.

    Raises:
        SparseganError: They are no matrices of equal width, have fewer than two rows, or hold
            values that are not finite.
    """
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1] or not x.shape[1]:
        raise SparseganError(
            f"two samples of features need shapes (n, d) and (m, d), "
            f"not {tuple(x.shape)} and {tuple(y.shape)}: take both from one network"
        )
    if min(len(x), len(y)) < 2:
        raise SparseganError(
            f"a distance between samples needs at least two images on each side, "
            f"not {len(x)} and {len(y)}"
        )
    x, y = (side.detach().to("cpu", torch.float64) for side in (x, y))
    if not (x.isfinite().all() and y.isfinite().all()):
        raise SparseganError("the features are not finite: check the generator's images")
    return x, y
