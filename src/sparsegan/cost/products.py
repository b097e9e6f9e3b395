"""Counts products that no layer's call accounts for.

Those of activations with activations, which is what attention computes beside its weights, and
those with weights that are used as functions: `F.linear`, `F.conv2d`, `@`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.cost.origins import Origins
from sparsegan.torch_private import TorchDispatchMode, tree_leaves

_aten = torch.ops.aten


@dataclass
class Products:
    """Operations by layer, one multiplication with its addition counted as one.

    Attributes:
        activations: Of batched matrix products and fused attention without a weight; of the
            innermost layer that runs.
        macs: Of products with a weight, of the layer that the weight belongs to; and of linear
            maps and convolutions whose weight is computed, of the innermost layer that runs.
        bias_adds: Additions of their biases.
        used: The ids of the weights in `macs`.
    """

    activations: Counter[str] = field(default_factory=Counter)
    macs: Counter[str] = field(default_factory=Counter)
    bias_adds: Counter[str] = field(default_factory=Counter)
    used: set[int] = field(default_factory=set)


@contextmanager
def counted_products(
    layers: Mapping[str, nn.Module],
    weights: Sequence[tuple[str, Tensor]] = (),
    counted: Collection[str] = (),
) -> Iterator[Products]:
    """Count the products that are made inside the block.

    PyTorch's fused kernel of `nn.MultiheadAttention`, one operator for everything, is off inside.

    Args:
        layers: The layers to tell apart, by name.
        weights: Parameters that products may be made with, each with the name of its layer.
        counted: Names of the layers whose products with weights somebody else counts, in a call.

    Yields:
        What was counted so far.
    """
    products = Products()
    running: list[str] = []
    origins = Origins(weight for _, weight in weights)
    owners = {id(weight): name for name, weight in weights}

    def begin(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda layer, args: running.append(name)

    def end(layer: nn.Module, args: Any, output: Any) -> None:
        running.pop()

    def count(operator: Any, args: Sequence[Any], inputs: list[Tensor], made: list[Tensor]) -> None:
        product = _product(operator, args, made)
        if product is None:
            origins.follow(inputs, made)
        elif running:  # hooks of the outermost layer run outside of it
            known = (origins.of(factor) for factor in product.factors)
            origin = next((weight for weight in known if weight is not None), None)
            if origin is None and not product.weighted:
                products.activations[running[-1]] += product.macs
            elif running[-1] not in counted:
                owner = running[-1] if origin is None else owners[id(origin)]
                products.macs[owner] += product.macs
                products.bias_adds[owner] += made[0].numel() if product.bias else 0
                products.used |= set() if origin is None else {id(origin)}

    fused = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, fused)
        torch.backends.mha.set_fastpath_enabled(False)
        for name, layer in layers.items():
            stack.callback(layer.register_forward_pre_hook(begin(name)).remove)
            stack.callback(layer.register_forward_hook(end).remove)
        stack.enter_context(_Operators(count))
        yield products


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shows every operator, its arguments, and the tensors that came in and out to a function."""

    def __init__(
        self, show: Callable[[Any, Sequence[Any], list[Tensor], list[Tensor]], None]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._show = show

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        self._show(func.overloadpacket, args, _tensors((args, kwargs)), _tensors(made))
        return made


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@dataclass(frozen=True)
class _Product:
    """A product: multiplications, what may be its weight, likeliest first, and of what sort."""

    macs: int
    factors: Sequence[Tensor]
    weighted: bool = False
    bias: bool = False


def _product(operator: Any, args: Sequence[Any], made: Sequence[Tensor]) -> _Product | None:
    if operator in (_aten.mm, _aten.bmm):
        return _matrices(*args[:2], weighted=operator is _aten.mm)
    if operator in (_aten.addmm, _aten.baddbmm):
        linear = operator is _aten.addmm
        return _matrices(*args[1:3], weighted=linear, bias=linear)
    if operator is _aten.convolution:
        inputs, weight, bias, _, _, _, transposed = args[:7]
        # As in a layer: transposed, each value of the input meets every weight of its channel.
        places = inputs if transposed else made[0]
        macs = places.numel() * weight[0].numel()
        return _Product(macs, (weight,), weighted=True, bias=bias is not None)
    if operator.__name__.startswith("_scaled_dot_product"):
        query, key, value = args[:3]
        queries = query.numel() // query.shape[-1]
        return _Product(queries * key.shape[-2] * (query.shape[-1] + value.shape[-1]), ())
    return None


def _matrices(left: Tensor, right: Tensor, *, weighted: bool, bias: bool = False) -> _Product:
    return _Product(left.numel() * right.shape[-1], (right, left), weighted, bias)
