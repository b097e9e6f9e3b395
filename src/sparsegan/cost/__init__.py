"""What a network costs: operations of a forward and of a training run, bytes to keep.

Example:
    >>> from torch import nn, zeros
    >>> counted = layers(nn.Linear(4, 3), zeros(1, 4))
    >>> counted[0].macs, counted[0].bias_adds, forward(counted)
    (12, 3, 15.0)
    >>> dense_bytes(counted), forward(counted, {"weight": 0.5})
    (60, 9.0)
"""

from sparsegan.cost.layers import LayerCost, layers
from sparsegan.cost.operations import (
    CONVENTIONS,
    Convention,
    forward,
    mean_densities,
    training,
    training_of_history,
)
from sparsegan.cost.storage import dense_bytes, sparse_bytes

__all__ = [
    "CONVENTIONS",
    "Convention",
    "LayerCost",
    "dense_bytes",
    "forward",
    "layers",
    "mean_densities",
    "sparse_bytes",
    "training",
    "training_of_history",
]
