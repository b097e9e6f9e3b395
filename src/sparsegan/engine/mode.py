"""The mode in which a network's forward runs: each function goes to its handler, if it has one.

What a handler makes may wait (`pending`) for the convolution that takes it up. Whatever has no
handler runs as it always did, on plain tensors, and the mode sees to it that nothing that waits is
overtaken by a write into what it starts from.
"""

import threading
import weakref
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from sparsegan.engine.constants import Kept
from sparsegan.engine.fused import Statistics
from sparsegan.engine.handlers import HANDLERS
from sparsegan.engine.index import SparseIndex
from sparsegan.engine.pending import METADATA, Deferred, Pending, pend, to_plain
from sparsegan.engine.recording import note_function
from sparsegan.engine.views import storage
from sparsegan.torch_private import is_watched, tree_leaves


class Interception(TorchFunctionMode):
    """Hands functions to their native counterparts where these can take the call.

    Args:
        indices: The index of each layer, by name.
        constants: What running statistics have been made into, where nothing changes them; None
            where weights or statistics may change.
        calm: Whether the network is known to change no feature map in place. A ReLU without a
            normalisation then waits too: its input is kept for the backward pass in place of its
            result, and must stay as it is.

    Attributes:
        current: The layer that is about to run; the next convolution can be its own.
        changed: Whether a feature map was changed in place.
        stopped: Whether the forward was interrupted, so that functions run as they are.
    """

    def __init__(
        self,
        indices: Mapping[str, SparseIndex],
        calm: bool,
        constants: dict[int, Kept[Statistics]] | None = None,
    ) -> None:
        super().__init__()
        self.constants = constants if not torch.is_grad_enabled() else None
        self.indices = indices
        self.calm = calm
        self.changed = False
        self.stopped = False
        self.current: str | None = None
        self._waiting: list[weakref.ref[Pending]] = []

    def __enter__(self) -> "Interception":
        super().__enter__()  # type: ignore[no-untyped-call]
        _active.count += 1
        return self

    def __exit__(self, *exception: Any) -> None:
        _active.count -= 1
        super().__exit__(*exception)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.stopped:
            return func(*args, **kwargs)
        try:
            return self._run(func, args, kwargs)
        except Exception:
            raise
        except BaseException:
            self.stopped = True  # PyTorch calls no hook that would end the interception
            raise

    def _run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        note_function(func)
        handler = HANDLERS.get(func)
        watched = is_watched()
        if watched:
            self.current = None
        elif handler is not None:
            result = handler(self, *args, **kwargs)
            if result is not None:
                return result
        if func in METADATA:
            return func(*args, **kwargs)
        tensors = _tensors(args, kwargs)
        self._settle(tensors)
        if any(isinstance(x, Pending) for x in tensors):
            with saved_tensors_hooks(_as_it_is, _as_it_is) if watched else nullcontext():
                args, kwargs = to_plain(args), to_plain(kwargs)
            tensors = _tensors(args, kwargs)
        maps = [(x, x._version) for x in tensors if _is_feature_map(x)]
        result = func(*args, **kwargs)
        self.changed = self.changed or any(x._version != version for x, version in maps)
        return result

    def take(self, x: Tensor, weight: Tensor, dimensions: tuple[int, ...]) -> SparseIndex | None:
        """The index of the layer that was announced, whose own call this is, if it can be had."""
        name, self.current = self.current, None
        index = self.indices.get(name) if name is not None else None
        fits = index is not None and index.mask.shape == weight.shape
        plain = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
        # An engine call on an empty batch has nothing to win.
        return index if fits and plain and x.dim() in dimensions and x.numel() else None

    def defer(self, made_of: Deferred) -> Pending:
        """The result of a prologue or a convolution, for later."""
        pending = pend(made_of)
        self._waiting = [one for one in self._waiting if _waits(one())]
        self._waiting.append(weakref.ref(pending))
        return pending

    def finish(self, result: Any) -> Any:
        """Computes what still waits; the result of the network's forward as plain tensors."""
        for reference in self._waiting:
            pending = reference()
            if pending is not None:
                pending.plain()
        return to_plain(result)

    def _settle(self, tensors: list[Tensor]) -> None:
        """Computes what waits and starts from memory that an unknown function might change."""
        if not self._waiting:
            return
        self._waiting = [one for one in self._waiting if _waits(one())]
        touched = {storage(t) for t in tensors if not isinstance(t, Pending)}
        for reference in self._waiting:
            pending = reference()
            if pending is not None and any(storage(t) in touched for t in pending.made_of.tensors):
                pending.plain()


class _Active(threading.local):
    """How many interceptions a thread is in."""

    count = 0


_active = _Active()


def intercepts() -> bool:
    """Whether a network's forward is running natively in this thread."""
    return _active.count > 0


def _waits(pending: Pending | None) -> bool:
    return pending is not None and pending.waits


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _tensors(args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors of a call; most calls nest none, and a walk through a tree takes long."""
    nested = kwargs or any(isinstance(x, tuple | list | dict) for x in args)
    leaves = tree_leaves((args, kwargs)) if nested else args
    return [x for x in leaves if isinstance(x, Tensor)]


def _is_feature_map(x: Tensor) -> bool:
    return x.dim() == 4 and not x.is_leaf and not x.is_inference()
