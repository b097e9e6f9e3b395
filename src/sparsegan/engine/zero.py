"""Zeros at the inactive places of a tensor."""

import torch
from torch import Tensor

from sparsegan.engine.native import available, kernel


def zero_where_(x: Tensor, places: Tensor) -> None:
    """``x.masked_fill_(places, 0)``, in a tenth of the time where the kernels can.

    Args:
        x: Any tensor, outside of gradients; changed in place.
        places: Bool, of its shape and on its device.
    """
    plain = x.dtype == torch.float32 and x.device.type == "cpu" and x.is_contiguous()
    plain = plain and not x.is_inference()  # which counts no versions
    if not (plain and places.is_contiguous() and places.shape == x.shape and available()):
        x.masked_fill_(places, 0)
        return
    addresses = (x.data_ptr(), places.data_ptr())
    kernel("zero_where", x.dtype)(*addresses, x.numel(), torch.get_num_threads())
    torch.autograd.graph.increment_version(x)
