"""Bytes of a network's parameters, as float32, dense and packed."""

from collections.abc import Mapping, Sequence

from sparsegan.cost.layers import LayerCost
from sparsegan.cost.operations import check_densities

_VALUE = 4
"""Bytes of a float32."""


def dense_bytes(layers: Sequence[LayerCost]) -> int:
    """Bytes of all parameters, each stored; running statistics and other buffers are not in it."""
    return _VALUE * sum(c.weights + c.other_parameters for c in layers)


def sparse_bytes(
    layers: Sequence[LayerCost], densities: Mapping[str, float], *, block: int = 1
) -> int:
    """Bytes of the active weights with their places, and of all other parameters.

    Places are a bit for each weight or two bytes for each active one, whichever is less; a layer
    whose places would not pay is stored dense. A packed generator (`sparsegan export`) has so
    many bytes besides its buffers and its header.

    Args:
        layers: From `cost.layers`.
        densities: Layer name to the share of its weights that are active; absent layers are
            dense.
        block: Output channels whose weights come and go together; places are those of blocks.

    Raises:
        SparseganError: for densities that do not fit the layers, as in `forward`.
    """
    check_densities(layers, densities)
    total = 0
    for c in layers:
        density, units = densities.get(c.name, 1.0), _units(c, block)
        places = min((units + 7) // 8, 2 * round(density * units))
        packed = _VALUE * round(density * c.weights) + places
        total += min(packed, _VALUE * c.weights) + _VALUE * c.other_parameters
    return total


def _units(layer: LayerCost, block: int) -> int:
    """Weights, or blocks of them over output channels, the last of which may be smaller."""
    if not layer.weights:
        return 0
    outputs = layer.shape[1 if layer.kind.startswith("ConvTranspose") else 0]
    return -(-outputs // block) * (layer.weights // outputs)
