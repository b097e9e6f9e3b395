"""Views that a network's author counts on, of feature maps that lie in another order in memory.

Dense convolutions are faster on maps that have their channels innermost (channels_last). A ``view``
that the order allows is one; else the author gets a copy, and a write into it, which would be lost,
is refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sparsegan.errors import SparseganError


def view_or_copy(x: Tensor, *shape: Any) -> Tensor | None:
    """``x.view(*shape)`` where authors count on memory in the order of the dimensions.

    Returns:
        A reshaped copy if ``x`` is in another order and no view can be had; None if a view will do.
    """
    if x.dim() < 2 or x.is_contiguous() or (shape and isinstance(shape[0], torch.dtype)):
        return None
    try:
        x.view(*shape)
    except RuntimeError:
        return note_copy(x.contiguous().view(*shape))
    return None


def note_copy(x: Tensor) -> Tensor:
    """Marks a copy that the network's author takes for a view."""
    base = x if x._base is None else x._base
    base.sparsegan_copy = True  # type: ignore[attr-defined]
    return x


def _is_noted(x: Tensor) -> bool:
    return hasattr(x if x._base is None else x._base, "sparsegan_copy")


@contextmanager
def no_writes_to_copies(tensors: Sequence[Tensor]) -> Iterator[None]:
    """A function's run, after which no copy that should have been a view may have changed.

    Raises:
        SparseganError: One has: what was written would be lost.
    """
    copies = [(x, x._version) for x in tensors if not x.is_inference() and _is_noted(x)]
    yield
    if any(x._version != version for x, version in copies):
        raise SparseganError(
            "this network writes through a view (or reshape) of a feature map, which lies in "
            "another order in memory here: write to the map itself, or take engine 'masked'"
        )


def storage(x: Tensor) -> int:
    """The address of a tensor's memory; 0 of one that has none of its own."""
    return 0 if x.layout != torch.strided else x.untyped_storage().data_ptr()


class ViewWatch(TorchFunctionMode):
    """Notices a network whose views need contiguous feature maps, and copies them for it."""

    views = False

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        copy = view_or_copy(*args) if func is Tensor.view and not kwargs else None
        if copy is not None:
            self.views = True
            return copy
        tensors = [x for x in args if isinstance(x, Tensor)] if self.views else []
        with no_writes_to_copies(tensors):
            return func(*args, **(kwargs or {}))


def give_usual_gradient(x: Any) -> None:
    """Lets a loop view an image's gradient as it would without the engine."""
    image = isinstance(x, Tensor) and x.dim() == 4 and x.requires_grad
    if image and torch.is_grad_enabled() and not hasattr(x, "sparsegan_usual_gradient"):
        x.sparsegan_usual_gradient = x.register_hook(Tensor.contiguous)


def in_usual_order(x: Any) -> Any:
    """A result that a loop may view as it would without the engine."""
    if not isinstance(x, Tensor) or x.layout != torch.strided or x.is_contiguous():
        return x
    return x.contiguous() if torch.ops.aten.is_non_overlapping_and_dense(x) else x
