"""What each layer of a network takes on either kind of kernels, for those who want to see it.

Kernels are chosen for a network as a whole (`choice`), which counts what these figures leave out:
the conversions at its ends, and what is fused with a convolution.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from sparsegan.engine.attach import has_own_forward, supported
from sparsegan.engine.functional import sparse_conv2d, sparse_conv_transpose2d, sparse_linear
from sparsegan.engine.index import SparseIndex
from sparsegan.engine.random_masks import random_mask
from sparsegan.engine.timing import Fit, kept, line, medians
from sparsegan.modules import WEIGHTED, weight_shape
from sparsegan.undisturbed import undisturbed

# Native kernels are timed under uniform random masks of these densities.
DENSITIES = (0.1, 0.5)

Shape = tuple[int, ...]
Function = Callable[..., Tensor]


@dataclass(frozen=True)
class LayerTiming:
    """Seconds of one layer, forward and both gradients, summed over its calls in a forward.

    Attributes:
        name: The module's path in the network.
        kind: The layer's type.
        shape: Of the weight.
        input: Shape of the first call's input, batch included; empty where there was no call.
        fit: None where the native kernels cannot compute the layer.
        unsupported: Why they cannot; empty where they can.
    """

    name: str
    kind: str
    shape: Shape
    input: Shape
    fit: Fit | None
    unsupported: str = ""


@dataclass(frozen=True)
class _Call:
    """What a layer is asked to compute; equal calls take equal time."""

    function: str
    weight: Shape
    input: Shape
    bias: bool
    geometry: tuple[Any, ...]
    unsupported: str


def time_layers(
    network: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    blocks: bool = False,
    channels_last: bool = True,
    seconds: float = 0.1,
    anew: bool = False,
) -> list[LayerTiming]:
    """Time every linear layer and convolution of a network on the feature maps that it meets.

    One forward, which leaves no trace, tells their sizes. Each different layer is then timed by
    itself, masked and native at two densities, with random values.

    Args:
        network: On the CPU, running on dense kernels.
        args: What it is called with.
        kwargs: Likewise.
        blocks: Whether weights come and go in blocks of four output channels (`random_masks`).
        channels_last: Whether that is the memory format of feature maps on dense kernels.
        seconds: How long a layer is timed on each kind of kernels and at each density
            (`timing.medians`).
        anew: Do not take times that an earlier run on this machine has left.

    Returns:
        In the order of ``named_modules``.
    """
    calls = _calls(network, args, dict(kwargs or {}))
    different = {call for made in calls.values() for call in made if not call.unsupported}
    ordered = sorted(different, key=repr)
    fits: dict[_Call, Fit] = {}
    if ordered:
        how = (blocks, channels_last)
        table = kept((ordered, *how), lambda: _measure(ordered, *how, seconds), anew=anew)
        fits = {call: Fit(*row) for call, row in zip(ordered, table.tolist(), strict=True)}
    return [_timing(name, module, calls[name], fits) for name, module in _layers(network)]


def _layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers that can have a mask, by the names that masks use."""
    return [(n or "weight", m) for n, m in network.named_modules() if isinstance(m, WEIGHTED)]


def _timing(
    name: str, module: nn.Module, made: list[_Call], fits: Mapping[_Call, Fit]
) -> LayerTiming:
    reasons = [call.unsupported for call in made if call.unsupported] if made else ["not called"]
    fit = None
    if not reasons:
        parts = [fits[call] for call in made]
        fit = Fit(*(sum(getattr(part, f.name) for part in parts) for f in fields(Fit)))
    return LayerTiming(
        name=name,
        kind=type_before_parametrizations(module).__name__,
        shape=weight_shape(module),
        input=made[0].input if made else (),
        fit=fit,
        unsupported="".join(reasons[:1]),
    )


# ---- what is computed


def _calls(
    network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, list[_Call]]:
    """The calls of every layer in one forward."""
    calls: dict[str, list[_Call]] = defaultdict(list)

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if inputs and isinstance(inputs[0], Tensor):
                calls[name].append(_call(module, inputs[0]))

        return hook

    handles = [module.register_forward_pre_hook(note(name)) for name, module in _layers(network)]
    try:
        with undisturbed(network), torch.no_grad():
            network(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _call(module: nn.Module, x: Tensor) -> _Call:
    function: str = "linear"
    geometry: tuple[Any, ...] = ()
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        function, geometry = "conv2d", (module.stride, module.padding)
    if isinstance(module, nn.ConvTranspose2d):
        function, geometry = "conv_transpose2d", (*geometry, module.output_padding)
    unsupported = _refusal(module) or _refusal_of_input(module, x)
    bias = getattr(module, "bias", None) is not None
    return _Call(function, weight_shape(module), tuple(x.shape), bias, geometry, unsupported)


def _refusal(module: nn.Module) -> str:
    """Why the native kernels cannot compute a layer; empty if they can."""
    if supported(module):
        return ""
    if has_own_forward(module):
        return "a forward of its own"
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return f"{type_before_parametrizations(module).__name__} has no native kernel"
    if module.groups != 1:
        return f"{module.groups} groups"
    if module.dilation != (1, 1):
        return f"dilation {module.dilation[0]}"
    if module.padding_mode != "zeros":
        return f"{module.padding_mode} padding"
    return f"padding {module.padding!r}"


def _refusal_of_input(module: nn.Module, x: Tensor) -> str:
    if x.dim() != (2 if isinstance(module, nn.Linear) else 4):
        return f"an input of {x.dim()} dimensions"
    if x.dtype != torch.float32:
        return f"an input in {str(x.dtype).removeprefix('torch.')}"
    return "" if x.numel() else "an empty input"


# ---- what it takes

_DENSE: dict[str, Function] = {
    "linear": F.linear,
    "conv2d": F.conv2d,
    "conv_transpose2d": F.conv_transpose2d,
}
_SPARSE: dict[str, Function] = {
    "linear": sparse_linear,
    "conv2d": sparse_conv2d,
    "conv_transpose2d": sparse_conv_transpose2d,
}


def _measure(calls: list[_Call], blocks: bool, channels_last: bool, seconds: float) -> Tensor:
    """The three numbers of each call's fit, float64 (calls, 3)."""
    rows = []
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for call in calls:
            jobs = _jobs(call, blocks, channels_last, generator)
            masked, sparser, denser = medians(jobs, seconds)
            rows.append([masked, *line((DENSITIES[0], sparser), (DENSITIES[1], denser))])
    return torch.tensor(rows, dtype=torch.float64)


def _jobs(
    call: _Call, blocks: bool, channels_last: bool, generator: torch.Generator
) -> list[Callable[[], object]]:
    """Masked; native at the one density; native at the other."""
    weight, x = (torch.randn(shape, generator=generator) for shape in (call.weight, call.input))
    transposed = call.function == "conv_transpose2d"
    after = (torch.zeros(call.weight[transposed]) if call.bias else None, *call.geometry)
    dense, sparse = _DENSE[call.function], _SPARSE[call.function]
    is_image = x.dim() == 4
    last = is_image and channels_last
    own = x.contiguous(memory_format=torch.channels_last) if last else x
    jobs = [_passes(dense, own, weight, *after)]
    for density in DENSITIES:
        mask = random_mask(call.weight, density, generator, transposed=transposed, blocks=blocks)
        index = SparseIndex(mask, transposed=transposed)
        jobs.append(_passes(sparse, x, weight, index, *after))
    return jobs


def _passes(function: Function, *inputs: Any) -> Callable[[], object]:
    """A forward, and the gradients of all that is differentiable."""
    inputs = tuple(x.detach().requires_grad_() if isinstance(x, Tensor) else x for x in inputs)
    wanted = [x for x in inputs if isinstance(x, Tensor)]
    gradient = torch.ones_like(function(*inputs))
    return lambda: torch.autograd.grad(function(*inputs), wanted, gradient)
