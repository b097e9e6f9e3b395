"""What is known of PyTorch's modules without running them: kinds, weights' shapes, wrappers."""

from types import MethodType
from typing import Any, cast

from torch import nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)
"""Layers that multiply with a weight."""


def weight_shape(layer: nn.Module) -> tuple[int, ...]:
    """The shape of a layer's weight, of its settings; () for a layer of another kind without one.

    Under spectral norm reading ``.weight`` would run a parametrisation and advance its vectors.
    """
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    if isinstance(layer, CONVOLUTIONS):
        return layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size
    if isinstance(layer, TRANSPOSED):
        return layer.in_channels, layer.out_channels // layer.groups, *layer.kernel_size
    weight = layer._parameters.get("weight")
    return () if weight is None else tuple(weight.shape)


def unwrap(module: nn.Module) -> nn.Module:
    """The user's own network inside the wrappers of DataParallel, Fabric and torch.compile."""
    while True:
        if isinstance(module, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = module.module
        elif "_forward_module" in module._modules:  # Lightning Fabric
            inner = module._modules["_forward_module"]
        elif "_orig_mod" in module._modules:  # torch.compile
            inner = module._modules["_orig_mod"]
        else:
            return module
        module = cast(nn.Module, inner)


def own_forward(network: nn.Module) -> Any:
    """The forward of a network's class, whatever stands in its place now.

    What stands there is copied and pickled as this one, since a copy has weights of its own.
    """
    return MethodType(type(network).forward, network)
