"""What a network as a whole takes on either kind of kernels, conversions and fusion included."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.engine.attach import ActiveWeights, NativeForward
from sparsegan.engine.random_masks import moved, network_in_blocks
from sparsegan.engine.timing import line, medians
from sparsegan.undisturbed import undisturbed

_KNOWN = ("torch", "sparsegan")
# A network is timed so long in each way.
SECONDS = 0.3

# Native kernels are timed at this density at most.
DENSEST = 0.5


def time_network(
    network: nn.Module, native: NativeForward, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Tensor:
    """Seconds of a forward and backward; nothing is left but ``native``'s switches and masks.

    Args:
        network: In training mode.
        native: Attached to it.
        args: What it is called with.
        kwargs: Likewise.

    Returns:
        Float64 (4,): on dense kernels in the network's own memory format, and in channels_last;
        on native kernels at density 0, extrapolated, and what density 1 adds to it.
    """
    masks = native.masks

    def job(on: bool, channels_last: bool = True) -> Callable[[], object]:
        def run() -> None:
            native.on, native.channels_last = on, channels_last
            _pass(network, args, kwargs)

        return run

    # A dense network that will be sparse: at density 1 some layers run on dense kernels.
    here = min(masks.density, DENSEST)
    there = 0.5 if here < 0.4 else 0.1
    with undisturbed(network), torch.enable_grad():
        if here < masks.density:
            native.use_masks(moved(network, masks, here))
        own, last, first = medians([job(False, False), job(False), job(True)], SECONDS)
        native.use_masks(moved(network, masks, there))
        (second,) = medians([job(True)], SECONDS)
    return torch.tensor([own, last, *line((here, first), (there, second))], dtype=torch.float64)


def described(network: nn.Module, masks: ActiveWeights, args: tuple[Any, ...]) -> object:
    """What the seconds depend on, apart from the machine."""
    names = [name or "weight" for name, _ in network.named_modules()]
    return (
        str(network),
        [(name, tuple(p.shape)) for name, p in network.named_parameters()],
        [(name, int(masks[name].sum())) for name in names if name in masks],
        network_in_blocks(network, masks),
        [tuple(a.shape) for a in args if isinstance(a, Tensor)],
        *_files(network),
    )


def _files(network: nn.Module) -> list[str]:
    """Digests of the files that networks of somebody's own are written in.

    Layers do not tell what a forward does between them.
    """
    kinds = {type(module) for module in network.modules()}
    own = [kind for kind in kinds if kind.__module__.partition(".")[0] not in _KNOWN]
    codes = (getattr(kind.forward, "__code__", None) for kind in own)
    files = {Path(code.co_filename) for code in codes if code is not None}
    return sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file())


def _pass(network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """A forward and backward; gradients go nowhere."""
    fresh = [_leaf(a) for a in args]
    output = network(*fresh, **kwargs)
    if not isinstance(output, Tensor) or not output.requires_grad:
        return
    wanted = [t for t in (*network.parameters(), *fresh) if _differentiable(t)]
    # An output that cannot be differentiated is timed forward only.
    with suppress(RuntimeError):
        torch.autograd.grad(output.sum(), wanted, allow_unused=True)


def _leaf(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().requires_grad_()
    return value


def _differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
