"""Whether the zeros of a weight are zeros of what products are made with.

A layer may make another weight of its own in its forward. One that is scaled, as in an equalised or
a modulated layer, is zero where the weight is; one that is standardised is not, since the mean is
taken away from the zeros, too.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.cost.operators import Operators, product_of
from sparsegan.cost.origins import same_memory
from sparsegan.undisturbed import undisturbed

# For these f(0) is 0 or, with several tensors, what is zero comes out as zero.
_KEEP = frozenset(
    (
        # Views by name, too: tensors of other classes may have no memory to compare.
        *("alias", "detach", "view", "_unsafe_view", "reshape", "as_strided", "t", "transpose"),
        *("permute", "squeeze", "unsqueeze", "slice", "select", "split", "unbind"),
        *("clone", "_to_copy", "contiguous", "expand", "repeat", "cat", "stack", "flip", "roll"),
        *("neg", "abs", "sgn", "sign", "sqrt", "square", "tril", "triu", "nan_to_num"),
        *("sin", "tan", "tanh", "asin", "atan", "sinh", "asinh", "erf", "expm1", "log1p"),
        *("relu", "leaky_relu", "elu", "gelu", "silu", "hardtanh"),
        *("round", "floor", "ceil", "trunc", "native_dropout", "_weight_norm_interface"),
    )
)
_GROW = frozenset(("mul", "div", "expand", "repeat", "cat", "stack"))
# Contractions and look-ups: what comes out are no weights, but results of them.
_END = frozenset(
    ("mv", "dot", "vdot", "linear", "matmul", "embedding", "index", "index_select", "gather")
)


class Zeros:
    """Follows the zeros of weights through what is made of them, operator by operator.

    Args:
        weights: To be followed.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        # Of each tensor: of which weights it was made, and whether their zeros are zeros of it.
        # Tensors are held so that no other gets their id.
        self._known = {id(w): (w, {id(w): True}) for w in weights}

    def _kept(self, tensor: Any) -> dict[int, bool]:
        known = self._known.get(id(tensor))
        return {} if known is None else known[1]

    def lost(self, tensor: Tensor) -> set[int]:
        """The ids of the weights that it was made of whose zeros may not be zeros of it."""
        return {weight for weight, kept in self._kept(tensor).items() if not kept}

    def follow(
        self,
        operator: Any,
        args: Sequence[Any],
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> None:
        """Note what an operator has made of what it was given."""
        sources = [t for t in inputs if self._kept(t)]
        package, _, name = str(operator).partition(".")
        if not sources or package != "aten" or name in _END:
            return
        if name.endswith("_like") or name.startswith("new_"):
            return
        overwrites, name = name.endswith("_"), name.rstrip("_")
        source = max(sources, key=Tensor.numel)
        for tensor in outputs:
            view = same_memory(tensor, source) and not overwrites
            multiple = tensor.numel() % source.numel() == 0 if name in _GROW else False
            if view or overwrites or tensor.numel() == source.numel() or multiple:
                kept = self._through("clone" if view else name, args, sources)
                self._known[id(tensor)] = (tensor, kept)

    def _through(
        self, name: str, args: Sequence[Any], sources: Sequence[Tensor]
    ) -> dict[int, bool]:
        """Whether an operator keeps the zeros of the weights that its arguments are made of."""
        of_all = [self._kept(t) for t in sources]
        weights = {weight for kept in of_all for weight in kept}
        if name == "copy":
            return dict(self._kept(args[1]))
        if name == "masked_fill":
            return {w: args[2] == 0 and self._kept(args[0]).get(w, False) for w in weights}
        if name == "mul":
            return {w: any(kept.get(w, False) for kept in of_all) for w in weights}
        if name == "div":
            return {w: self._kept(args[0]).get(w, False) for w in weights}
        if name in ("add", "sub"):
            terms = [self._kept(x) for x in args[:2] if isinstance(x, Tensor) or x]
            return {w: all(kept.get(w, False) for kept in terms) for w in weights}
        numbers = [x for x in args[1:] if isinstance(x, int | float)]
        holds = (
            name in _KEEP
            or (name == "pow" and all(x > 0 for x in numbers))
            or (name == "clamp" and _holds_zero(*args[1:]))
        )
        return {w: holds and all(kept.get(w, True) for kept in of_all) for w in weights}


def _holds_zero(low: Any = None, high: Any = None) -> bool:
    ends = (low, high)
    known = all(x is None or isinstance(x, int | float) for x in ends)
    return known and (low is None or low <= 0) and (high is None or high >= 0)


@contextmanager
def lost_zeros(weights: Iterable[Tensor]) -> Iterator[set[int]]:
    """Watch the products that are made inside the block.

    Yields:
        The ids of those weights whose zeros may not be zeros of what products were made with.
    """
    lost: set[int] = set()
    zeros = Zeros(weights)

    def see(
        operator: Any, args: Sequence[Any], inputs: list[Tensor], outputs: list[Tensor]
    ) -> None:
        product = product_of(operator, args, outputs)
        if product is None:
            zeros.follow(operator, args, inputs, outputs)
        else:
            for factor in product.factors:
                lost.update(zeros.lost(factor))

    with Operators(see):
        yield lost


def loses_zeros(layer: nn.Module) -> bool | None:
    """Whether a linear layer or convolution loses its weight's zeros, by itself.

    A copy of it is called with one sample.

    Returns:
        None where that does not work, as for a layer that takes more than its input.
    """
    try:
        alone = _copy(layer)
        # Without its hook the older spectral norm leaves a weight that is a plain tensor.
        tensors = (*alone.parameters(), *vars(alone).values())
        weights = [t for t in tensors if isinstance(t, Tensor) and t.dim() > 1]
        with undisturbed(alone), torch.no_grad(), lost_zeros(weights) as lost:
            alone(_sample(alone, weights[0]))
    except Exception:  # whatever a forward of one's own raises
        return None
    return bool(lost)


def _copy(layer: nn.Module) -> nn.Module:
    """A copy that shares nothing that a forward may write to, and carries no hooks."""
    alone = type(layer).__new__(type(layer))
    alone.__dict__.update(layer.__dict__)
    for kind in ("_parameters", "_buffers", "_modules"):
        alone.__dict__[kind] = copy.deepcopy(layer.__dict__[kind])
    for kind in [name for name in layer.__dict__ if name.endswith("_hooks")]:
        alone.__dict__[kind] = type(layer.__dict__[kind])()
    return alone


def _sample(layer: Any, like: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return like.new_ones(1, layer.in_features)
    sizes = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    return like.new_ones(1, layer.in_channels, *sizes)
