"""Costs of a forward and of a run by hand; those of the papers are in test_cost_published.py."""

import functools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_settings import SETTINGS, setting_layers

from sparsegan import cost
from sparsegan.errors import SparseganError

CIFAR10 = SETTINGS["CIFAR-10 SNGAN"].run


def sngan():
    return setting_layers("CIFAR-10 SNGAN")


def test_forward_is_macs_by_density_plus_the_rest():
    g, _ = sngan()
    rest = sum(c.bias_adds + c.norm_ops for c in g)
    assert cost.forward(g, {c.name: 0.0 for c in g if c.weights}) == rest
    last = next(c for c in g if c.name == "conv")
    assert cost.forward(g) - cost.forward(g, {"conv": 0.25}) == 0.75 * last.macs


def test_products_are_the_consistent_conventions_alone_and_always_dense():
    layer = cost.LayerCost("a", "Linear", (2, 5), 10, 100, 3, 2, 0, products=7)
    assert cost.forward([layer], {"a": 0.5}) == 50 + 3 + 2 + 7
    assert cost.forward([layer], {"a": 0.5}, convention="published") == 50 + 3 + 2
    run = {"d_batch": 2, "g_batch": 3, "discriminator_steps": 4, "steps": 10}
    for convention, forward in (("consistent", 112), ("published", 105)):
        by_hand = cost.training(forward, 0, **run, convention=convention)
        history = cost.training_of_history([layer], [], [], [], **run, convention=convention)
        assert history == by_hand


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


def test_mean_densities_are_those_of_the_steps():
    history = [(0, {"a": 0.5, "b": 0.1}), (3, {"a": 0.25}), (9, {"a": 1.0})]
    assert cost.mean_densities(history, 5) == pytest.approx({"a": 0.4, "b": 0.46})
    assert cost.mean_densities([], 5) == {}
    assert max(cost.mean_densities([(0, {"a": 1.0}), (1, {"a": 1.0})], 3).values()) == 1.0


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
        cost.forward(g, convention="paper")
    with pytest.raises(SparseganError, match="no cost convention 'paper'"):
        cost.training(1, 1, **CIFAR10, convention="paper")
    with pytest.raises(SparseganError, match="must begin at step 0"):
        run(g, d, [(10, {})], [])
    with pytest.raises(SparseganError, match="in order"):
        run(g, d, [], [(0, {}), (20, {}), (10, {})])
    with pytest.raises(SparseganError, match="at least 1 step"):
        run(g, d, [], [], steps=0)


def test_a_generator_that_is_gone_through_several_times_pays_in_its_own_step_alone():
    batches = {"d_batch": 2, "g_batch": 5, "discriminator_steps": 3, "steps": 7}
    for convention in cost.CONVENTIONS:
        once, thrice = (
            cost.training(10.0, 4.0, **batches, convention=convention, generator_passes=passes)
            for passes in (1, 3)
        )
        assert once == cost.training(10.0, 4.0, **batches, convention=convention)
        assert thrice - once == pytest.approx(7 * 10 * 2 * 3 * 5)


def test_real_images_that_are_judged_twice_cost_a_half_more_of_the_discriminators_own_step():
    batches = {"d_batch": 2, "g_batch": 5, "discriminator_steps": 3, "steps": 7}
    once, twice = (cost.training(10.0, 4.0, **batches, real_passes=n) for n in (1, 2))
    assert once == cost.training(10.0, 4.0, **batches)
    assert twice - once == pytest.approx(7 * 4 * 3 * 2 * 3)
