"""Bytes of a network's parameters, as float32, dense and packed."""

from collections.abc import Mapping, Sequence

from sparsegan.cost.layers import LayerCost
from sparsegan.cost.operations import check_densities

_VALUE = 4
"""Bytes of a float32."""


def dense_bytes(layers: Sequence[LayerCost]) -> int:
    """Bytes of all parameters, each stored; running statistics and other buffers are not in it."""
    return _VALUE * sum(c.weights + c.other_parameters for c in layers)


def sparse_bytes(layers: Sequence[LayerCost], densities: Mapping[str, float]) -> int:
    """Bytes of the active weights with a mask of one bit a weight, and of all other parameters.

    A layer whose mask would not pay, above a density of 31/32, is stored dense.

    Args:
        layers: From `cost.layers`.
        densities: Layer name to the share of its weights that are active; absent layers are
            dense.

    Raises:
        SparseganError: for densities that do not fit the layers, as in `forward`.
    """
    check_densities(layers, densities)
    total = 0
    for c in layers:
        packed = _VALUE * round(densities.get(c.name, 1.0) * c.weights) + (c.weights + 7) // 8
        total += min(packed, _VALUE * c.weights) + _VALUE * c.other_parameters
    return total
