"""Forwards that leave no trace, for measuring a network in the middle of its training."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def undisturbed(*modules: nn.Module) -> Iterator[None]:
    """Afterwards the networks and all random states are as before, bit for bit.

    What is put back: every layer's mode, its buffers (batch-norm statistics, spectral-norm
    vectors), tensors that are plain attributes (the ``weight`` that the older spectral norm sets),
    and the random generators of Python, NumPy, the CPU and the modules' CUDA devices. Parameters
    are not looked at: nothing inside may step an optimiser.
    """
    layers = [_Layer(layer) for module in modules for layer in module.modules()]
    devices = {p.device.index for m in modules for p in m.parameters() if p.is_cuda}
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            yield
        finally:
            for layer in layers:
                layer.restore()
            random.setstate(python)
            np.random.set_state(numpy)


class _Layer:
    """One layer's mode, buffers and plain tensors, without those of its children."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.training = layer.training
        self.buffers = dict(layer._buffers)
        self.attributes = _plain_tensors(layer)
        self.values = {
            name: tensor.clone() for name, tensor in self.buffers.items() if tensor is not None
        }

    @torch.no_grad()
    def restore(self) -> None:
        self.layer.training = self.training
        # A forward may have put another tensor in a buffer's place.
        self.layer._buffers.clear()
        self.layer._buffers.update(self.buffers)
        for name, value in self.values.items():
            buffer = self.buffers[name]
            assert buffer is not None
            buffer.copy_(value)
        for name in _plain_tensors(self.layer).keys() - self.attributes.keys():
            del vars(self.layer)[name]
        vars(self.layer).update(self.attributes)


def _plain_tensors(layer: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in vars(layer).items() if isinstance(value, Tensor)}
