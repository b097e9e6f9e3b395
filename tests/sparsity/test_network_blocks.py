"""Rewiring and resizing whole blocks, against slow references."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_network import (
    blocks_of,
    fractions,
    in_units,
    rng,
    sparse,
    stepped,
    units_of,
    wide_networks,
)
from torch import nn

import reference
from sparsegan import SparseganError


@settings(deadline=None, max_examples=60)
@given(wide_networks, st.floats(0.1, 1), fractions, st.sampled_from(["network", "layer"]))
def test_rewiring_blocks_equals_the_slow_reference(module, density, fraction, scope):
    try:
        network = sparse(module, density, granularity="block")
    except SparseganError:  # fewer weights than a block in every layer
        return
    dense = stepped(network)
    masks, counts = network.masks, network.masks.counts()
    before, active, budget = masks.flat.clone(), masks.active, masks.budget
    rows = list(blocks_of(masks, before))
    expected = reference.rewire_units(
        [layer for _, layer, _ in rows],
        [len(places) for _, _, places in rows],
        [mean > 0 for mean in in_units(masks, before)],
        in_units(masks, masks.weights().abs()),
        in_units(masks, dense.abs()),
        fraction,
        scope,
    )
    change = network.rewire(
        fraction,
        growth="gradient",
        scope=scope,
        rounding={"network": "floor", "layer": "ceil"}[scope],
        generator=rng(),
    )
    assert in_units(masks, masks.flat) == [float(bit) for bit in expected]  # whole blocks
    assert (change.active, masks.active, masks.budget) == (active, active, budget)
    assert change.grown == change.dropped == int((masks.flat & ~before).sum())
    assert scope == "network" or masks.counts() == counts
    assert min(masks.counts().values()) >= 1


@settings(deadline=None, max_examples=60)
@given(wide_networks, st.floats(0.1, 1), st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_resizing_blocks_equals_the_slow_reference_and_never_drifts(module, density, shares):
    try:
        network = sparse(module, density, granularity="block")
    except SparseganError:
        return
    masks = network.masks
    for seed, share in enumerate(shares):
        dense = stepped(network, seed)
        to_count = max(4 * len(masks.layers), round(share * masks.total))
        if to_count > masks.total:
            return
        rows = list(blocks_of(masks, masks.flat))
        more = to_count > masks.budget
        expected = reference.resize_units(
            [layer for _, layer, _ in rows],
            [len(places) for _, _, places in rows],
            [mean > 0 for mean in in_units(masks, masks.flat)],
            in_units(masks, masks.weights().abs()),
            in_units(masks, dense.abs()),
            max(masks.active, to_count) if more else min(masks.active, to_count),
        )
        change = network.resize(to_count, growth="gradient", generator=rng())
        assert in_units(masks, masks.flat) == [float(bit) for bit in expected]
        assert masks.budget == to_count
        assert abs(masks.active - to_count) <= 2
        assert change.active == masks.active
        assert change.reason == ("raise" if more else "lower")
        assert min(change.grown, change.dropped) == 0
        assert min(masks.counts().values()) >= 1


def test_blocks_that_are_raised_and_lowered_come_back_to_the_same_count():
    network = sparse(nn.Sequential(nn.Linear(9, 16), nn.Conv2d(5, 8, 3)), granularity="block")
    masks, step = network.masks, 26  # no multiple of four: both ways are rounded
    start = [masks.budget, masks.active]
    for _ in range(5):
        for by in (step, step, -step, -step):
            network.resize(masks.budget + by, growth="random", generator=rng())
        assert [masks.budget, masks.active] == start


def test_lowering_never_takes_the_last_block_of_a_layer():
    module = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 9), nn.Linear(9, 20))
    network = sparse(module, 0.5, granularity="block")
    change = network.resize(0, growth="random", generator=rng())
    assert change.nearly_empty == ("0", "1", "2")
    assert [int(b.sum()) for b in network.masks.units.split(units_of(network.masks))] == [1, 1, 1]
    assert network.masks.budget == network.masks.active


def test_random_growth_is_uniform_over_blocks():
    hits = torch.zeros(30)
    for seed in range(300):
        network = sparse(nn.Linear(15, 8), 0.2, granularity="block")
        network.resize(72, growth="random", generator=rng(seed))
        hits += units_of(network.masks)
    grown = hits[hits < 300]  # those that were there are in every one
    # 12 of 24 blocks: Binomial(300, 1/2), mean 150, deviation 8.7.
    assert len(grown) == 24
    assert float((grown - 150).abs().max()) < 44


def test_a_block_whose_gradient_is_no_number_is_grown_last():
    network = sparse(nn.Linear(1, 16), 0.25, granularity="block")
    units = network.masks.units
    stepped(network)
    inactive = (~units_of(network.masks)).nonzero().flatten().tolist()
    gradient = units.spread(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    gradient[4 * inactive[2]] = float("nan")
    network._growth_gradient = gradient
    network.resize(12, growth="gradient", generator=rng())
    assert not units_of(network.masks)[inactive[2]]
