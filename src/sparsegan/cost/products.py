"""Counts products of activations with activations: what attention computes beside its weights."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten


@contextmanager
def counted_products(layers: Mapping[str, nn.Module]) -> Iterator[Counter[str]]:
    """Count batched matrix products and fused attention of the calls made inside the block.

    Linear layers and convolutions are other operators, so a product of two batches is one of
    activations.

    Args:
        layers: The layers to tell apart, by name; a product belongs to the innermost that runs.

    Yields:
        Multiplications, each with its addition counted as one, by the layer's name.
    """
    macs: Counter[str] = Counter()
    running: list[str] = []

    def begin(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda layer, args: running.append(name)

    def end(layer: nn.Module, args: Any, output: Any) -> None:
        running.pop()

    def count(operator: Any, args: Sequence[Any]) -> None:
        if running:  # hooks of the outermost layer run outside of it
            macs[running[-1]] += _macs(operator, args)

    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.register_forward_pre_hook(begin(name)).remove)
            stack.callback(layer.register_forward_hook(end).remove)
        stack.enter_context(_Operators(count))
        yield macs


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shows every operator and its positional arguments to a function before it runs."""

    def __init__(self, show: Callable[[Any, Sequence[Any]], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._show = show

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self._show(func.overloadpacket, args)
        return func(*args, **(kwargs or {}))


def _macs(operator: Any, args: Sequence[Any]) -> int:
    if operator is _aten.bmm:
        left, right = args[:2]
        macs = left.numel() * right.shape[-1]
    elif operator is _aten.baddbmm:
        left, right = args[1:3]
        macs = left.numel() * right.shape[-1]
    elif operator.__name__.startswith("_scaled_dot_product"):
        query, key, value = args[:3]
        queries = query.numel() // query.shape[-1]
        macs = queries * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    else:
        macs = 0
    return int(macs)
