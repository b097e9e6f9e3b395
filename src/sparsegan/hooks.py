"""Hooks that belong to one network, and not to what is copied or pickled from it."""

import sys
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from sparsegan.errors import SparseganError


class Hook:
    """A hook on a module that a copy of the module carries without effect.

    Whoever puts it there means this network; a deep copy, and what ``torch.save`` makes of the
    network, would otherwise take everything that the hook knows with it, or fail to.

    Args:
        function: What the hook calls.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What PyTorch does at the hook's place."""
        return self.function(*args, **kwargs)

    @property
    def __name__(self) -> str:
        """The name of what it calls.

        Raises:
            SparseganError: ``torch.jit.script`` asks, which compiles a network's hooks.
        """
        frame = sys._getframe(1)
        if frame.f_globals.get("__name__", "").startswith("torch.jit."):
            raise SparseganError(
                "torch.jit.script cannot compile a network that hooks keep sparse: detach() its "
                "method first, or take torch.jit.trace"
            )
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __reduce__(self) -> tuple[type["Hook"], tuple[Callable[..., Any]]]:
        return Hook, (_nothing,)


def before_all(module: nn.Module, hook: Hook, *, with_kwargs: bool = False) -> RemovableHandle:
    """Registers a hook that runs before all others that a module has before its forward."""
    handle = module.register_forward_pre_hook(hook, prepend=True, with_kwargs=with_kwargs)
    # What is moved in an OrderedDict stays where it was for those who read it as a dict, as
    # torch.compile (2.11) does: it would take one hook for another.
    hooks = module._forward_pre_hooks
    ordered = list(hooks.items())
    hooks.clear()
    hooks.update(ordered)
    return handle


def _nothing(*_: Any, **__: Any) -> None:
    """What is left of a hook in a copy."""
