"""Two networks against each other: the balance ratio and what is done about it."""

from sparsegan.balance.controller import DensityController
from sparsegan.balance.decision import Decision
from sparsegan.balance.ratio import BalanceRatio, BalanceReading
from sparsegan.balance.record import BalanceRecord

__all__ = [
    "BalanceRatio",
    "BalanceReading",
    "BalanceRecord",
    "Decision",
    "DensityController",
]
