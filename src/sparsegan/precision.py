"""Double precision for networks on any device: Apple's ``mps``, for one, has no float64."""

import numpy as np
import torch
from torch import Tensor


def with_float64(tensor: Tensor) -> Tensor:
    """The tensor where float64 is to be had: as it is, or copied to the CPU from other devices."""
    return tensor if tensor.device.type in ("cpu", "cuda") else tensor.cpu()


def total(values: Tensor) -> float:
    """The sum of all values in double precision; it waits for the device.

    Example:
        >>> total(torch.full((3,), 2.0**30 + 64)) == 3 * (2.0**30 + 64)
        True
    """
    values = values.detach()
    if values.is_cuda:
        return float(values.double().sum())
    values = values.cpu()
    coarse = values.dtype == torch.bfloat16  # which NumPy does not have
    with np.errstate(invalid="ignore"):  # inf - inf is told by its result
        return float(np.sum((values.float() if coarse else values).numpy(), dtype=np.float64))
