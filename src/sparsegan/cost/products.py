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

from sparsegan.cost.operators import Operators, product_of
from sparsegan.cost.origins import Origins
from sparsegan.cost.zeros import Zeros


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
        filled: The ids of weights whose zeros may not be zeros of what products were made with.
    """

    activations: Counter[str] = field(default_factory=Counter)
    macs: Counter[str] = field(default_factory=Counter)
    bias_adds: Counter[str] = field(default_factory=Counter)
    used: set[int] = field(default_factory=set)
    filled: set[int] = field(default_factory=set)


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
    zeros = Zeros(weight for _, weight in weights)
    owners = {id(weight): name for name, weight in weights}

    def begin(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda layer, args: running.append(name)

    def end(layer: nn.Module, args: Any, output: Any) -> None:
        running.pop()

    def count(operator: Any, args: Sequence[Any], inputs: list[Tensor], made: list[Tensor]) -> None:
        product = product_of(operator, args, made)
        if product is None:
            origins.follow(inputs, made)
            zeros.follow(operator, args, inputs, made)
        elif running:  # hooks of the outermost layer run outside of it
            products.filled.update(*map(zeros.lost, product.factors))
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
        stack.enter_context(Operators(count))
        yield products
