"""Run a network without leaving a trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards all is as it was, to the bit.

    What is put back: every layer's mode, its buffers (running statistics, singular vectors of
    spectral normalisation), tensors that are plain attributes (the `weight` that the older
    spectral normalisation sets), and the random generators of the CPU and of the module's CUDA
    devices.
    """
    states = [_State(layer) for layer in module.modules()]
    devices = {p.device.index for p in module.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices)), torch.no_grad():
        for layer in module.modules():
            # Not eval(): a layer may override train() to do more than to set the mode.
            layer.training = False
        try:
            yield
        finally:
            for state in states:
                state.restore()


class _State:
    """One layer's mode, buffers and plain tensors, without those of its children."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.training = layer.training
        self.buffers = dict(layer._buffers)
        self.attributes = _plain_tensors(layer)
        self.values = {
            name: tensor.clone() for name, tensor in self.buffers.items() if tensor is not None
        }

    def restore(self) -> None:
        self.layer.training = self.training
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
