"""One network's mask and how it moves; knows nothing of GANs."""

from sparsegan.sparsity.allocation import layer_counts, layer_densities, weight_budget
from sparsegan.sparsity.communication import ActiveGradients, average_active_gradients
from sparsegan.sparsity.ema import SparseEMA
from sparsegan.sparsity.maskable import RULES, maskable_layers
from sparsegan.sparsity.masks import Masks
from sparsegan.sparsity.network import MaskChange, SparseNetwork
from sparsegan.sparsity.rewire import drop, exchange, grow, resize
from sparsegan.sparsity.schedule import DropFraction, due
from sparsegan.sparsity.units import Granularity, Units

__all__ = [
    "RULES",
    "ActiveGradients",
    "DropFraction",
    "Granularity",
    "MaskChange",
    "Masks",
    "SparseEMA",
    "SparseNetwork",
    "Units",
    "average_active_gradients",
    "drop",
    "due",
    "exchange",
    "grow",
    "layer_counts",
    "layer_densities",
    "maskable_layers",
    "resize",
    "weight_budget",
]
