"""Counts per layer: against a slow reference, the published densities, and the budget itself."""

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from sparsegan import SparseganError
from sparsegan.sparsity import layer_counts, layer_densities, weight_budget

ALLOCATIONS = ["uniform", "er", "erk"]

dimensions = st.integers(1, 12)
shapes = st.lists(
    st.one_of(
        st.tuples(dimensions, dimensions),
        st.tuples(dimensions, dimensions, st.integers(1, 4)),
        st.tuples(dimensions, dimensions, st.integers(1, 4), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=7,
)
densities = st.one_of(
    st.floats(0.005, 1.0), st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0])
)

# SNGAN for CIFAR-10, written down from the architecture (methods.md, A9), not from the package.
SNGAN_G = {
    "linear": (4096, 128),
    **{f"block{b}.conv{c}": (256, 256, 3, 3) for b in (1, 2, 3) for c in (1, 2)},
    **{f"block{b}.shortcut": (256, 256, 1, 1) for b in (1, 2, 3)},
    "last": (3, 256, 3, 3),
}
SNGAN_D = {
    "block1.conv1": (128, 3, 3, 3),
    "block1.shortcut": (128, 3, 1, 1),
    "block1.conv2": (128, 128, 3, 3),
    **{f"block{b}.conv{c}": (128, 128, 3, 3) for b in (2, 3, 4) for c in (1, 2)},
    "block2.shortcut": (128, 128, 1, 1),
    "final": (1, 128),
}


def _total(named_shapes):
    return sum(math.prod(shape) for shape in named_shapes.values())


def _convolutions(named_shapes):
    return {name: shape for name, shape in named_shapes.items() if len(shape) == 4}


def _erk(named_shapes, density):
    values = layer_densities(list(named_shapes.values()), density, "erk")
    return dict(zip(named_shapes, values, strict=True))


def _no_near_tie(wanted, layer_shapes):
    """Two layers whose remainders differ by rounding alone may fall either way."""
    parts = sorted(
        (w % 1, tuple(s)) for w, s in zip(wanted, layer_shapes, strict=True) if abs(w % 1) > 0
    )
    return all(b[0] - a[0] > 1e-9 or a[1] == b[1] for a, b in pairwise(parts))


@given(shapes, densities, st.sampled_from(ALLOCATIONS))
def test_counts_equal_the_slow_reference_and_meet_the_budget_exactly(shapes, density, allocation):
    sizes = [math.prod(shape) for shape in shapes]
    budget = reference.budget(density, sum(sizes))
    assume(budget >= len(shapes))
    counts = layer_counts(shapes, density, allocation)
    assert sum(counts) == budget == weight_budget(density, sum(sizes))
    assert all(1 <= count <= size for count, size in zip(counts, sizes, strict=True))
    wanted = reference.wanted_weights(shapes, density, allocation)
    if allocation == "uniform" or _no_near_tie(wanted, shapes):
        assert counts == reference.layer_counts(shapes, density, allocation)


@given(shapes, densities, st.sampled_from(ALLOCATIONS))
def test_densities_have_the_network_density_as_weighted_mean(shapes, density, allocation):
    values = layer_densities(shapes, density, allocation)
    assert values == pytest.approx(reference.layer_densities(shapes, density, allocation))
    assert all(0 < value <= 1 for value in values)
    sizes = [math.prod(shape) for shape in shapes]
    active = math.fsum(v * n for v, n in zip(values, sizes, strict=True))
    assert active == pytest.approx(density * sum(sizes))


def test_ties_go_to_the_earlier_layer():
    assert layer_counts([(3, 3)] * 4, 0.5, "uniform") == [5, 5, 4, 4]
    assert layer_counts([(3, 3)] * 4, 0.5, "erk") == [5, 5, 4, 4]


def test_every_layer_keeps_a_weight_at_the_expense_of_the_large_ones():
    assert layer_counts([(1, 2), (1, 2), (100, 100)], 0.001, "uniform") == [1, 1, 8]


def test_published_erk_densities_of_sngan_at_ten_percent():
    assert _total(SNGAN_G) == 4_266_752
    generator = _erk(SNGAN_G, 0.1)
    assert round(generator["linear"], 3) == 0.381
    assert round(generator["block1.conv1"], 3) == 0.042
    assert round(generator["block1.shortcut"], 3) == 0.371
    assert generator["last"] == 1.0
    assert _total(SNGAN_D) == 1_052_544
    discriminator = _erk(SNGAN_D, 0.1)
    assert discriminator["block1.conv1"] == discriminator["block1.shortcut"] == 1.0
    assert round(discriminator["block1.conv2"], 3) == 0.086
    assert round(discriminator["block2.shortcut"], 3) == 0.762
    assert discriminator["final"] == 1.0


def test_published_erk_densities_of_stu_gan():
    convolutions_g, convolutions_d = _convolutions(SNGAN_G), _convolutions(SNGAN_D)
    assert _total(convolutions_g) == 3_742_464
    assert _total(convolutions_d) == 1_052_416
    generator = _erk(convolutions_g, 0.05)
    assert round(generator["block1.conv1"], 3) == 0.034
    assert round(generator["block1.shortcut"], 3) == 0.304
    assert generator["last"] == 1.0
    discriminator = _erk(convolutions_d, 0.5)
    assert round(discriminator["block1.conv2"], 3) == 0.490
    assert discriminator["block2.shortcut"] == discriminator["block1.conv1"] == 1.0


@pytest.mark.parametrize("density", [0.0, -0.1, 1.0000001, math.nan, math.inf])
def test_a_density_outside_its_range_is_refused(density):
    with pytest.raises(SparseganError, match=r"density is .*\(0, 1\]"):
        layer_counts([(4, 4)], density, "erk")


def test_a_dense_network_is_dense_in_every_layer():
    assert layer_counts([(3, 3), (7, 5), (2, 2, 3, 3)], 1.0, "erk") == [9, 35, 36]


@given(st.integers(2, 300), st.integers(100, 2000))
def test_the_remedy_for_a_budget_too_small_works(layers, size):
    with pytest.raises(SparseganError, match="every layer needs at least one") as refused:
        layer_counts([(1, size)] * layers, 0.4 / size, "uniform")
    remedy = float(str(refused.value).split("take ")[1].split(" or")[0])
    assert min(layer_counts([(1, size)] * layers, min(1.0, remedy), "uniform")) == 1


def test_an_unknown_allocation_is_refused():
    with pytest.raises(SparseganError, match="allocation is 'ekr': choose one of uniform, er, erk"):
        layer_densities([(2, 2)], 0.5, "ekr")
