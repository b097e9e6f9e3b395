"""Train generative adversarial networks sparse from the first step to the last, in balance.

A loop of your own needs three lines: build a method on your networks and optimisers, and call it
after every generator step.
"""

from sparsegan.balance import BalanceRatio, BalanceRecord, DensityController
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS, Adapt, Dda, Dense, Method, Sdst, Static, StuGan
from sparsegan.sparsity import Masks, SparseEMA, SparseNetwork

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "Adapt",
    "BalanceRatio",
    "BalanceRecord",
    "Dda",
    "Dense",
    "DensityController",
    "Masks",
    "Method",
    "Sdst",
    "SparseEMA",
    "SparseNetwork",
    "SparseganError",
    "Static",
    "StuGan",
]
