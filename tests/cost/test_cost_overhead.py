"""What is done beside training steps, against a walk through the steps one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.cost.overhead import dense_gradients, forwards, occasions

CONV = LayerCost("conv", "Conv2d", (10,), 10, 100, 3, 0, 0)
FILLED = LayerCost("filled", "Linear", (10,), 10, 1000, 0, 0, 0, filled=True)
LAYERS = [CONV, FILLED]


@settings(max_examples=60)
@given(
    changes=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=5),
    every=st.integers(1, 9),
    steps=st.integers(1, 30),
)
def test_occasions_are_those_of_a_walk_through_the_steps(changes, every, steps):
    history = [(0, {"conv": 0.5}), *((at, {"conv": share}) for at, share in sorted(changes))]
    walked = []
    for step in range(1, steps + 1):
        if step % every == 0:
            # A change after step n holds from the step after it on.
            walked += [[densities for start, densities in history if start < step][-1]]
    counted = [each for number, each in occasions(history, every, steps) for _ in range(number)]
    assert counted == walked


def test_growth_needs_the_gradients_that_a_sparse_backward_leaves_out():
    # Growths after steps 4 and 8 of 12: at 0.1, and after the change at 4 at 0.3; none at the end.
    history = [(0, {"conv": 0.1, "filled": 0.1}), (4, {"conv": 0.3, "filled": 0.3})]
    counted = dense_gradients(LAYERS, history, every=4, steps=12, samples=7)
    assert counted == pytest.approx(7 * 100 * (0.9 + 0.7))
    assert dense_gradients(LAYERS, [], every=4, steps=12, samples=7) == 0


def test_measurements_are_forwards_also_at_the_last_step():
    history = [(0, {"conv": 0.1}), (4, {"conv": 0.3})]
    counted = forwards(LAYERS, history, every=4, steps=12, samples=5)
    by_hand = sum(cost.forward(LAYERS, {"conv": share}) for share in (0.1, 0.3, 0.3))
    assert counted == pytest.approx(5 * by_hand)
    assert forwards(LAYERS, [], every=20, steps=12, samples=5) == 0
