"""Hooks that belong to one network, and not to what is copied or pickled from it."""

from collections.abc import Callable
from typing import Any


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

    def __reduce__(self) -> tuple[type["Hook"], tuple[Callable[..., Any]]]:
        return Hook, (_nothing,)


def _nothing(*_: Any, **__: Any) -> None:
    """What is left of a hook in a copy."""
