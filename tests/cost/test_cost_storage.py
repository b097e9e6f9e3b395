import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.errors import SparseganError


def layer(name, weights, other):
    return LayerCost(name, "Linear", (weights,), weights, weights, 0, 0, other)


LAYERS = [layer("a", 1000, 10), layer("b", 33, 0)]


def test_bytes_by_hand():
    assert cost.dense_bytes(LAYERS) == 4 * 1043
    half = 4 * 500 + 125 + 4 * 10
    assert cost.sparse_bytes(LAYERS, {"a": 0.5}) == half + 4 * 33
    assert cost.sparse_bytes(LAYERS, {"a": 0.5, "b": 11 / 33}) == half + 4 * 11 + 5


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
