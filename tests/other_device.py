"""A stand-in for a device without float64, such as Apple's `mps`, on a machine that has none.

Its tensors call themselves tensors of the `meta` device, which no kernel computes on, and hold
values on the CPU. As on a real device, an operator takes the tensors of one device alone, and
what is to leave it has to be copied; float64 is refused.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")
COPIES = (torch.ops.aten._to_copy, torch.ops.aten.copy_)


class OnOtherDevice(torch.Tensor):
    """A tensor of the device; `values` are on the CPU."""

    @staticmethod
    def __new__(cls, values):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=DEVICE,
        )

    def __init__(self, values):
        self.values = values

    def tolist(self):
        """What no subclass has of itself."""
        return self.values.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class OtherDevice(TorchDispatchMode):
    """While it is on, tensors can be made on the device or moved to it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    there = any(isinstance(x, OnOtherDevice) for x in tensors)
    wanted = kwargs.get("device")
    makes = torch.device(wanted) == DEVICE if wanted is not None else there
    copies = func.overloadpacket in COPIES
    if there and not copies:
        strangers = [x for x in tensors if not isinstance(x, OnOtherDevice) and x.dim()]
        if strangers:
            raise RuntimeError(f"{func}: tensors on several devices")
    if makes and wanted is not None:
        kwargs = {**kwargs, "device": "cpu"}
    result = func(*tree_map(_inside, args), **tree_map(_inside, kwargs))
    if not makes:
        return result
    if func._schema.is_mutable:  # the tensor that was written to
        return args[0] if isinstance(result, torch.Tensor) else result
    return tree_map(_outside, result)


def _inside(x):
    return x.values if isinstance(x, OnOtherDevice) else x


def _outside(x):
    if not isinstance(x, torch.Tensor) or isinstance(x, OnOtherDevice):
        return x
    if x.dtype == torch.float64:
        raise TypeError("the device has no float64")
    return OnOtherDevice(x)


def moved(network):
    """Put a network onto the device."""
    for layer in network.modules():
        for name, parameter in layer._parameters.items():
            if parameter is not None:
                layer._parameters[name] = torch.nn.Parameter(OnOtherDevice(parameter.detach()))
        for name, buffer in layer._buffers.items():
            layer._buffers[name] = OnOtherDevice(buffer)
    return network
