"""Counts per layer: against a slow reference, the published densities, and the budget itself."""

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from sparsegan import SparseganError
from sparsegan.sparsity import layer_counts, layer_densities, weight_budget
from sparsegan.sparsity.allocation import group_counts
from sparsegan.sparsity.units import Group

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


def _block_groups(layer_shapes):
    """The blocks of four along the first dimension, and those left over."""
    groups = []
    for layer, (outputs, *others) in enumerate(layer_shapes):
        for size, rows in ((4, outputs // 4), (outputs % 4, 1)):
            if size and rows:
                groups.append(Group(layer, size, rows * math.prod(others)))
    return groups


@given(shapes, densities, st.sampled_from(ALLOCATIONS))
def test_whole_blocks_come_as_near_to_the_budget_as_they_can(shapes, density, allocation):
    groups = _block_groups(shapes)
    total = sum(math.prod(shape) for shape in shapes)
    budget = reference.budget(density, total)
    first = [i for i, group in enumerate(groups) if i == 0 or groups[i - 1].layer != group.layer]
    if budget < sum(groups[i].size for i in first):
        with pytest.raises(SparseganError, match="every layer needs at least one"):
            group_counts(shapes, groups, density, allocation)
        return
    counts = group_counts(shapes, groups, density, allocation)
    assert all(0 <= n <= group.count for n, group in zip(counts, groups, strict=True))
    assert all(counts[i] >= 1 for i in first)
    left = budget - sum(n * group.size for n, group in zip(counts, groups, strict=True))
    assert abs(left) <= 2
    for i, group in enumerate(groups):
        if counts[i] < group.count:
            assert abs(left - group.size) >= abs(left)
        if counts[i] > (i in first):  # of two that are as near, it is the smaller count
            assert abs(left + group.size) > abs(left) or left > 0
    values = reference.layer_densities(shapes, density, allocation)
    wanted = [values[group.layer] * group.count for group in groups]
    if all(wanted[i] >= 1 for i in first):
        # Small blocks make up for what whole ones miss: by less than one of them beside their own.
        for n, w, group in zip(counts, wanted, groups, strict=True):
            assert abs(n - w) * group.size < 4 + group.size


@given(st.lists(st.tuples(st.integers(1, 3), dimensions), min_size=1, max_size=7), densities)
def test_where_all_blocks_are_whole_their_counts_are_shared_out_like_weights(rows, density):
    layer_shapes = [(4 * blocks, inner) for blocks, inner in rows]
    sizes = [blocks * inner for blocks, inner in rows]
    budget = reference.budget(density, 4 * sum(sizes))
    assume(budget >= 4 * len(rows))
    in_blocks = math.ceil(budget / 4 - 0.5)
    groups = [Group(i, 4, size) for i, size in enumerate(sizes)]
    wanted = [
        d * size
        for d, size in zip(
            reference.layer_densities(layer_shapes, density, "erk"), sizes, strict=True
        )
    ]
    counts = group_counts(layer_shapes, groups, density, "erk")
    assert sum(counts) == in_blocks
    if _no_near_tie(wanted, layer_shapes):
        assert counts == reference.shared_out(wanted, sizes, in_blocks)


def test_a_budget_too_small_for_a_block_a_layer_names_one_that_is_not():
    layer_shapes = [(8, 40), (3, 40)]
    groups = _block_groups(layer_shapes)
    message = r"leaves 4 active weights for 2 layers: every layer needs at least one block of up to"
    with pytest.raises(SparseganError, match=message) as refused:
        group_counts(layer_shapes, groups, 0.01, "erk")
    remedy = float(str(refused.value).split("take ")[1].split(" or")[0])
    assert group_counts(layer_shapes, groups, remedy, "uniform") == [1, 1]


@given(shapes, densities, st.sampled_from(ALLOCATIONS))
def test_densities_have_the_network_density_as_weighted_mean(shapes, density, allocation):
    values = layer_densities(shapes, density, allocation)
    assert values == pytest.approx(reference.layer_densities(shapes, density, allocation))
    assert all(0 < value <= 1 for value in values)
    sizes = [math.prod(shape) for shape in shapes]
    active = math.fsum(v * n for v, n in zip(values, sizes, strict=True))
    assert active == pytest.approx(density * sum(sizes))


@given(shapes, densities, st.sampled_from(ALLOCATIONS), st.data())
def test_pinned_densities_are_kept_and_the_mean_is_the_networks(shapes, density, allocation, data):
    own = layer_densities(shapes, density, allocation)
    some = data.draw(st.sets(st.integers(0, len(shapes) - 1), max_size=len(shapes) - 1))
    pinned = {i: own[i] * data.draw(st.floats(0.8, 1)) for i in some}
    sizes = [math.prod(shape) for shape in shapes]
    try:
        values = layer_densities(shapes, density, allocation, pinned)
    except SparseganError:  # the others have not as many weights as are left
        others = [i for i in range(len(shapes)) if i not in pinned]
        taken = math.fsum(share * sizes[i] for i, share in pinned.items())
        assert density * sum(sizes) - taken > sum(sizes[i] for i in others)
        return
    # Roundings are shared out by those that can become denser.
    fixed = math.fsum(pinned[i] * sizes[i] for i in some)
    assert math.fsum(abs(values[i] - pinned[i]) * sizes[i] for i in some) <= 0.01001 * fixed
    active = math.fsum(v * n for v, n in zip(values, sizes, strict=True))
    assert active == pytest.approx(density * sum(sizes))


@given(shapes, densities, st.sampled_from(ALLOCATIONS), st.data())
def test_what_was_drawn_can_be_pinned_as_it_is_written_down(shapes, density, allocation, data):
    sizes = [math.prod(shape) for shape in shapes]
    try:
        drawn = layer_counts(shapes, density, allocation)
    except SparseganError:
        assume(False)
    assume(abs(sum(drawn) / (density * sum(sizes)) - 1) < 0.005)
    assume(all(count / size >= 0.01 for count, size in zip(drawn, sizes, strict=True)))
    some = data.draw(st.sets(st.integers(0, len(shapes) - 1), min_size=1))
    assume(all(drawn[i] == sizes[i] for i in range(len(sizes)) if i not in some))
    pinned = {i: round(drawn[i] / sizes[i], 4) for i in some}
    values = layer_densities(shapes, density, allocation, pinned)
    active = math.fsum(v * n for v, n in zip(values, sizes, strict=True))
    assert active == pytest.approx(density * sum(sizes))


def test_a_pin_off_by_half_a_weight_is_taken_where_the_others_are_dense():
    sizes = [63, 690]
    values = layer_densities([(7, 9), (30, 23)], 0.9129833, "erk", {1: 0.9043478})
    assert values[0] == 1
    assert values[0] * sizes[0] + values[1] * sizes[1] == pytest.approx(0.9129833 * 753)


def test_densities_of_all_layers_must_come_to_the_networks():
    both = [(10, 10), (20, 10)]
    assert layer_counts(both, 0.2, "erk") != [40, 20]
    groups = [Group(0, 1, 100), Group(1, 1, 200)]
    assert group_counts(both, groups, 0.2, "erk", {0: 0.4, 1: 0.0999}) == [40, 20]
    three = [(100, 100), (100, 100), (10, 10)]
    rounded = group_counts(
        three,
        [Group(0, 1, 10000), Group(1, 1, 10000), Group(2, 1, 100)],
        0.3,
        "erk",
        {0: 0.298, 1: 0.298, 2: 0.3},
    )
    assert rounded == [3000, 3000, 30]
    with pytest.raises(SparseganError, match=r"make 0.3 of a network dense, no other, and its"):
        layer_densities(both, 0.2, "erk", {0: 0.5, 1: 0.2})


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
