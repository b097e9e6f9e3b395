"""Costs against the published FLOPs table of ADAPT (docs/methods.md, cost)."""

import functools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan import cost, nets
from sparsegan.errors import SparseganError

CIFAR10 = {"d_batch": 64, "g_batch": 128, "discriminator_steps": 5, "steps": 100_000}
DENSITIES = (0.1, 0.2, 0.3, 0.5)


@functools.cache
def sngan():
    G, D = nets.build("sngan", image_size=32, channels=3)
    return cost.layers(G, torch.zeros(1, 128)), cost.layers(D, torch.zeros(1, 3, 32, 32))


def erk(layers, density):
    """Erdős–Rényi-kernel densities as in docs/methods.md: the largest is declared dense in turn."""
    weighted = [c for c in layers if c.weights]
    score = {c.name: sum(c.shape) / math.prod(c.shape) for c in weighted}
    sparse, dense = weighted, []
    while True:
        budget = density * sum(c.weights for c in weighted) - sum(c.weights for c in dense)
        eps = budget / sum(score[c.name] * c.weights for c in sparse)
        top = max(score[c.name] for c in sparse)
        if eps * top <= 1:
            return {c.name: eps * score[c.name] for c in sparse} | {c.name: 1.0 for c in dense}
        dense += [c for c in sparse if score[c.name] == top]
        sparse = [c for c in sparse if score[c.name] < top]


def percent(g_density, d_density, convention):
    g, d = sngan()
    dense = cost.training(cost.forward(g), cost.forward(d), **CIFAR10, convention=convention)
    sparse = cost.training(
        cost.forward(g, erk(g, g_density)),
        cost.forward(d, erk(d, d_density)),
        **CIFAR10,
        convention=convention,
    )
    return 100 * sparse / dense


def test_forward_of_the_published_networks():
    g, d = sngan()
    assert cost.forward(g) == pytest.approx(1.684e9, abs=0.0005e9)
    assert cost.forward(d) == pytest.approx(2.725e8, abs=0.0005e8)


@pytest.mark.parametrize(
    ("convention", "total", "unit"), [("published", 2.668, 0.0005), ("consistent", 1.78, 0.005)]
)
def test_dense_training_total(convention, total, unit):
    g, d = map(cost.forward, sngan())
    counted = cost.training(g, d, **CIFAR10, convention=convention)
    assert counted / 1e17 == pytest.approx(total, abs=unit)


@pytest.mark.parametrize(
    ("convention", "row", "unit"),
    [
        ("published", (8.97, 17.12, 26.22, 47.30), 0.005),
        ("consistent", (8.0, 15.2, 23.9, 45.7), 0.05),
    ],
)
def test_static_balance_row(convention, row, unit):
    for density, share in zip(DENSITIES, row, strict=True):
        assert percent(density, density, convention) == pytest.approx(share, abs=unit)


def test_static_strong_row():
    for density, share in zip(DENSITIES, (37.6, 41.6, 47.0, 62.2), strict=True):
        assert percent(density, 1.0, "consistent") == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    ("which", "row"), [(0, (0.064, 0.124, 0.205, 0.432)), (1, (0.110, 0.209, 0.308, 0.506))]
)
def test_relative_inference_cost_under_erk(which, row):
    layers = sngan()[which]
    for density, share in zip(DENSITIES, row, strict=True):
        relative = cost.forward(layers, erk(layers, density)) / cost.forward(layers)
        assert relative == pytest.approx(share, abs=0.0005)


def test_erk_densities_of_the_layers_at_ten_percent():
    g, d = (erk(layers, 0.1) for layers in sngan())
    for name, density in g.items():
        expected = {"linear": 0.381, "conv": 1.0}.get(name, 0.042)
        expected = 0.371 if name.endswith("shortcut") else expected
        assert density == pytest.approx(expected, abs=0.0005), name
    dense = {"block1.conv1", "block1.shortcut", "linear"}
    for name, density in d.items():
        expected = 1.0 if name in dense else 0.762 if name == "block2.shortcut" else 0.086
        assert density == pytest.approx(expected, abs=0.0005), name


def test_forward_is_macs_by_density_plus_the_rest():
    g, _ = sngan()
    rest = sum(c.bias_adds + c.norm_ops for c in g)
    assert cost.forward(g, {c.name: 0.0 for c in g if c.weights}) == rest
    last = next(c for c in g if c.name == "conv")
    assert cost.forward(g) - cost.forward(g, {"conv": 0.25}) == 0.75 * last.macs


def test_training_by_hand():
    numbers = {"d_batch": 2, "g_batch": 3, "discriminator_steps": 4, "steps": 10}
    assert cost.training(1, 0, **numbers, convention="published") == 10 * (8 + 9)
    assert cost.training(1, 0, **numbers, convention="consistent") == 10 * (8 + 9)
    assert cost.training(0, 1, **numbers, convention="published") == 40 * (24 + 3)
    assert cost.training(0, 1, **numbers, convention="consistent") == 10 * (48 + 6)


@settings(max_examples=25)
@given(
    changes=st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1), st.floats(0, 1)), max_size=5),
    steps=st.integers(1, 30),
    convention=st.sampled_from(cost.CONVENTIONS),
)
def test_a_history_costs_the_sum_of_its_steps(changes, steps, convention):
    g, d = sngan()
    numbers = {"d_batch": 2, "g_batch": 3, "discriminator_steps": 4}
    changes = [(0, 0.5, 0.25), *sorted(changes, key=lambda change: change[0])]
    g_history = [(start, {"conv": density}) for start, density, _ in changes]
    d_history = [(start, {"linear": density}) for start, _, density in changes]
    by_step = 0.0
    for step in range(steps):
        _, g_density, d_density = [c for c in changes if c[0] <= step][-1]
        by_step += cost.training(
            cost.forward(g, {"conv": g_density}),
            cost.forward(d, {"linear": d_density}),
            **numbers,
            steps=1,
            convention=convention,
        )
    total = cost.training_of_history(
        g, d, g_history, d_history, **numbers, steps=steps, convention=convention
    )
    assert total == pytest.approx(by_step, rel=1e-12)


def test_an_empty_history_is_a_dense_run():
    g, d = sngan()
    dense = cost.training(cost.forward(g), cost.forward(d), **CIFAR10, convention="published")
    assert cost.training_of_history(
        g, d, [], [], **CIFAR10, convention="published"
    ) == pytest.approx(dense, rel=1e-15)


def test_a_ladder_to_dense_averages_what_the_published_table_implies():
    """D from 20 % up by 5 points every 1000 of 100,000 steps, then dense: 0.932 on average."""
    _, d = sngan()
    ladder = [
        (1000 * i, {c.name: min(1.0, 0.2 + 0.05 * i) for c in d if c.weights}) for i in range(17)
    ]
    only_macs = [c for c in d if c.weights]
    average = cost.training_of_history(
        [], only_macs, [], ladder, **CIFAR10, convention="published"
    ) / cost.training_of_history([], only_macs, [], [], **CIFAR10, convention="published")
    assert average == pytest.approx(0.932, abs=0.001)


def test_wrong_densities_conventions_and_histories_are_refused():
    g, d = sngan()
    run = functools.partial(cost.training_of_history, **CIFAR10, convention="published")
    with pytest.raises(SparseganError, match=r"no layer 'conw' .* did you mean 'conv'"):
        cost.forward(g, {"conw": 0.5})
    with pytest.raises(SparseganError, match="no layer 'norm' with weights"):
        cost.forward(g, {"norm": 0.5})
    for density in (-0.1, 1.1, math.nan):
        with pytest.raises(SparseganError, match="give one from 0 to 1"):
            cost.forward(g, {"conv": density})
    with pytest.raises(SparseganError, match="no cost convention 'paper'"):
        cost.training(1, 1, **CIFAR10, convention="paper")
    with pytest.raises(SparseganError, match="must begin at step 0"):
        run(g, d, [(10, {})], [])
    with pytest.raises(SparseganError, match="in order"):
        run(g, d, [], [(0, {}), (20, {}), (10, {})])
    with pytest.raises(SparseganError, match="at least 1 step"):
        run(g, d, [], [], steps=0)
