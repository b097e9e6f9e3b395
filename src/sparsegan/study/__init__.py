"""Studies: runs compared over arms, axes and seeds, out of one file."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparsegan.study.table import Table, load

__all__ = ["Table", "load"]


# A process that only starts cells and waits for them needs no PyTorch.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("sparsegan.study.table"), name)
