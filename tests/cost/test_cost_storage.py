import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.errors import SparseganError
from sparsegan.export import places
from sparsegan.sparsity.maskable import maskable_layers
from sparsegan.sparsity.units import Units


def layer(name, weights, other):
    return LayerCost(name, "Linear", (weights,), weights, weights, 0, 0, other)


LAYERS = [layer("a", 1000, 10), layer("b", 33, 0)]


def test_bytes_by_hand():
    assert cost.dense_bytes(LAYERS) == 4 * 1043
    half = 4 * 500 + 125 + 4 * 10
    assert cost.sparse_bytes(LAYERS, {"a": 0.5}) == half + 4 * 33
    assert cost.sparse_bytes(LAYERS, {"a": 0.5, "b": 11 / 33}) == half + 4 * 11 + 5


def test_few_places_take_two_bytes_each():
    assert cost.sparse_bytes(LAYERS[:1], {"a": 0.05}) == 4 * 50 + 2 * 50 + 4 * 10
    assert cost.sparse_bytes(LAYERS[:1], {"a": 0.0}) == 4 * 10


@pytest.mark.parametrize("density", [0.02, 0.25])
@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("module", [nn.Conv2d(8, 10, 3), nn.ConvTranspose2d(10, 8, 3)])
def test_places_are_as_long_as_those_of_a_packed_file(module, block, density):
    (counted,) = cost.layers(module, torch.zeros(1, module.in_channels, 4, 4))
    granularity = "block" if block > 1 else "weight"
    units = Units(maskable_layers(module), granularity)
    selected = torch.zeros(sum(group.count for group in units.groups), dtype=torch.bool)
    selected[: round(density * len(selected))] = True
    _, stored = places.encode(selected.numpy())
    share = int(selected.sum()) / len(selected)
    values = 4 * round(share * counted.weights) + 4 * counted.other_parameters
    actual = cost.sparse_bytes([counted], {"weight": share}, block=block)
    assert actual == values + stored.nbytes


@given(st.floats(0, 1), st.floats(0, 1))
def test_packed_is_never_more_than_dense_and_grows_with_density(a, b):
    low, high = sorted((a, b))
    dense = cost.dense_bytes(LAYERS)
    small = cost.sparse_bytes(LAYERS, {"a": low, "b": low})
    large = cost.sparse_bytes(LAYERS, {"a": high, "b": high})
    assert small <= large <= dense
    assert cost.sparse_bytes(LAYERS, {}) == dense


def test_a_density_of_no_layer_is_refused():
    with pytest.raises(SparseganError, match="no layer 'c'"):
        cost.sparse_bytes(LAYERS, {"c": 0.5})
