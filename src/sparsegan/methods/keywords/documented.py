"""A signature that says what there is, over a function that takes anything."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sparsegan.methods.base import Method

Init = TypeVar("Init", bound=Callable[..., None])


def documented(init: Init) -> Init:
    """The `__init__` of `Method` under another's signature and docstring.

    What was not passed is left to the settings' own defaults, and a name that there is not is
    refused by `Method`, with the nearest one, rather than by Python.

    Args:
        init: Whose body is its docstring alone.
    """

    @functools.wraps(init)
    def call(self: Method, *arguments: Any, **keywords: Any) -> None:
        Method.__init__(self, *arguments, **keywords)

    return cast(Init, call)
