"""Train generative adversarial networks sparse from the first step to the last, in balance.

A loop of your own needs three lines: build a method on your networks and optimisers, and call it
after every generator step.
"""

import importlib
from typing import TYPE_CHECKING, Any

from sparsegan.errors import SparseganError

if TYPE_CHECKING:
    from sparsegan.api import Recorder, Run, fit, open_run
    from sparsegan.balance import BalanceRatio, BalanceRecord, DensityController
    from sparsegan.export.hub.load import load
    from sparsegan.methods import (
        METHODS,
        Adapt,
        Calibrated,
        Dda,
        Dense,
        Gmp,
        Joint,
        Method,
        Prune,
        Ramp,
        Requests,
        Sdst,
        Snip,
        Static,
        StuGan,
        Tickets,
    )
    from sparsegan.sparsity import Masks, SparseEMA, SparseNetwork

__version__ = "0.2.0"

__all__ = [
    "METHODS",
    "Adapt",
    "BalanceRatio",
    "BalanceRecord",
    "Calibrated",
    "Dda",
    "Dense",
    "DensityController",
    "Gmp",
    "Joint",
    "Masks",
    "Method",
    "Prune",
    "Ramp",
    "Recorder",
    "Requests",
    "Run",
    "Sdst",
    "Snip",
    "SparseEMA",
    "SparseNetwork",
    "SparseganError",
    "Static",
    "StuGan",
    "Tickets",
    "fit",
    "load",
    "open_run",
]

# Imported when first asked for: PyTorch takes seconds, and `sparsegan --help` needs none of it.
_HOMES = {
    "sparsegan.api": ("Recorder", "Run", "fit", "open_run"),
    "sparsegan.balance": ("BalanceRatio", "BalanceRecord", "DensityController"),
    "sparsegan.export.hub.load": ("load",),
    "sparsegan.methods": (
        *("METHODS", "Adapt", "Calibrated", "Dda", "Dense", "Gmp", "Joint", "Method", "Prune"),
        *("Ramp", "Requests", "Sdst", "Snip", "Static", "StuGan", "Tickets"),
    ),
    "sparsegan.sparsity": ("Masks", "SparseEMA", "SparseNetwork"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("export", "study"):  # rooms that are called by their own names
        return importlib.import_module(f"sparsegan.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
