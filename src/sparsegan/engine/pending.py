"""Tensors that are computed when something needs them: a convolution never does.

A `Pending` stands for the result of a `fused.Prologue` or of a `convolution.Convolution`. The
functions that the engine intercepts
take it apart; whatever else meets one gets the plain tensor, computed once. Even code that no
interception sees, such as a user's ``autograd.Function``, gets right values and gradients: a
`Pending` is a node of the graph, and below autograd its operations compute it.
"""

from typing import Any

import torch
from torch import Tensor

from sparsegan.engine.convolution import Convolution
from sparsegan.engine.fused import Prologue
from sparsegan.torch_private import as_plain_tensors, return_and_correct_aliasing, tree_map, wrapper

# What a pending tensor knows without its values.
METADATA = {
    *(getattr(Tensor, n).__get__ for n in ("shape", "dtype", "device", "requires_grad", "ndim")),
    *(Tensor.size, Tensor.dim, Tensor.numel, Tensor.is_floating_point, Tensor.__len__),
}


Deferred = Prologue | Convolution


class Pending(Tensor):
    """A result that is not computed yet: make one with `pend`.

    Attributes:
        made_of: What it is the result of.
        recorded: Whether gradients were recorded when it was made; they are when it is computed.
    """

    made_of: Deferred
    recorded: bool
    _plain: Tensor | None
    _value: Tensor | None

    @property
    def waits(self) -> bool:
        """Whether nothing has asked for the values yet."""
        return self._plain is None and self._value is None

    def plain(self) -> Tensor:
        """The values as a plain tensor in the autograd graph."""
        if not self.recorded:
            # It may have become the result of a node since, of a checkpoint or a user's Function.
            return self._alias() if torch.is_grad_enabled() else self.value()
        if self._plain is None:
            with torch.enable_grad():
                waits = self._value is None
                self._plain = self.made_of.compute() if waits else self._alias()
        return self._plain

    def settle(self, values: Tensor) -> None:
        """Its values, which have been computed as a plain tensor."""
        if self.recorded:
            self._plain = values
        else:
            self._value = values

    def _alias(self) -> Tensor:
        with as_plain_tensors():
            alias: Tensor = _Alias.apply(self)  # type: ignore[no-untyped-call]
        return alias

    def value(self) -> Tensor:
        """The values outside the graph."""
        if self._value is None:
            with torch.no_grad():
                known = self._plain if self._plain is not None else self.made_of.compute()
                self._value = known.detach()
        return self._value

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in METADATA:
            with as_plain_tensors():
                return func(*args, **(kwargs or {}))
        return func(*to_plain(args), **to_plain(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*tree_map(_to_value, args), **tree_map(_to_value, kwargs))
        if not func._schema.is_mutable:
            return result  # of a view too: this tensor has no memory of its own
        return return_and_correct_aliasing(func, args, kwargs, result)  # type: ignore[no-untyped-call]


def pend(made_of: Deferred) -> Pending:
    """The result of a prologue or a convolution, for later."""
    pending: Pending
    if torch.is_grad_enabled():
        pending = _Defer.apply(made_of, *made_of.tensors)  # type: ignore[no-untyped-call]
    else:
        pending = _empty(made_of)
    pending.made_of, pending.recorded = made_of, torch.is_grad_enabled()
    return pending


def pend_inplace(pending: Pending, prologue: Prologue) -> Pending:
    """Makes a waiting tensor the result of another prologue, which has the same tensors."""
    with as_plain_tensors():
        _DeferInPlace.apply(pending, prologue, *prologue.tensors)  # type: ignore[no-untyped-call]
    pending.made_of = prologue
    return pending


def to_plain(tree: Any) -> Any:
    """A nest of arguments or results with its pending tensors computed."""
    return tree_map(lambda leaf: leaf.plain() if isinstance(leaf, Pending) else leaf, tree)


def _to_value(leaf: Any) -> Any:
    return leaf.value() if isinstance(leaf, Pending) else leaf


def _empty(made_of: Deferred) -> Pending:
    n, c, h, w = made_of.shape
    strides = (c * h * w, h * w, w, 1)
    pending: Pending = wrapper(Pending, made_of.tensors[0], (n, c, h, w), strides)
    pending._plain = pending._value = None
    return pending


class _Alias(torch.autograd.Function):
    """The values of a pending tensor, with its history."""

    @staticmethod
    def forward(ctx: Any, pending: Pending) -> Tensor:
        return pending.value().detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Defer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, made_of: Deferred, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.made_of, ctx.first = made_of, 1
        return _empty(made_of)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        made_of: Deferred = ctx.made_of.with_tensors(ctx.saved_tensors)
        return *(None,) * ctx.first, *made_of.gradient(gradients[0])


class _DeferInPlace(_Defer):
    @staticmethod
    def forward(ctx: Any, pending: Pending, made_of: Deferred, *tensors: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(*tensors)
        ctx.made_of, ctx.first = made_of, 2
        ctx.mark_dirty(pending)
        return pending
