"""What a forward dispatches: every operator with its tensors, and which of them are products."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparsegan.torch_private import TorchDispatchMode, tree_leaves

_aten = torch.ops.aten


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
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
        self._show(func.overloadpacket, args, tensors_of((args, kwargs)), tensors_of(made))
        return made


def tensors_of(tree: Any) -> list[Tensor]:
    """The tensors in nested containers."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@dataclass(frozen=True)
class Product:
    """A product.

    Attributes:
        macs: Its multiplications, each with its addition counted as one.
        factors: What may be its weight, likeliest first; empty for fused attention.
        weighted: Whether it is a linear map or a convolution, which has one.
        bias: Whether a bias is added.
    """

    macs: int
    factors: Sequence[Tensor]
    weighted: bool = False
    bias: bool = False


def product_of(operator: Any, args: Sequence[Any], made: Sequence[Tensor]) -> Product | None:
    """The product that an operator makes, or None."""
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
        return Product(macs, (weight,), weighted=True, bias=bias is not None)
    if operator.__name__.startswith("_scaled_dot_product"):
        query, key, value = args[:3]
        queries = query.numel() // query.shape[-1]
        return Product(queries * key.shape[-2] * (query.shape[-1] + value.shape[-1]), ())
    return None


def _matrices(left: Tensor, right: Tensor, *, weighted: bool, bias: bool = False) -> Product:
    return Product(left.numel() * right.shape[-1], (right, left), weighted, bias)
