"""Levers step by step: by their formulas, within their bounds, and never back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan import SparseganError
from sparsegan.balance import BalanceReading
from sparsegan.balance.band import Band
from sparsegan.balance.levers import LearningRateLever, StepsLever, pull

BAND = Band(0.45, 0.55)
ratios = st.sampled_from([0.1, 0.5, 0.9])


def _reading(value):
    return BalanceReading(value, 100, 100, 0, full=True)


@given(st.lists(ratios, max_size=30), st.floats(1.01, 3), st.floats(0.05, 1), st.floats(1, 20))
def test_the_rate_is_multiplied_and_divided_within_its_bounds(values, step, floor, cap):
    lever, factor = LearningRateLever(step, floor, cap), 1.0
    for value in values:
        decision = pull(lever, BAND, _reading(value), factor, 30, 100)
        expected = factor
        if value > 0.55:
            expected = factor * step if factor * step < cap else cap
        elif value < 0.45:
            expected = factor / step if factor / step > floor else floor
        assert decision.lever == "learning_rate"
        assert decision.values == (factor, expected)
        assert decision.moves == (expected != factor)
        assert decision.action == (
            "hold" if expected == factor else "raise" if value > 0.55 else "lower"
        )
        if expected == factor and value != 0.5:
            assert decision.reason.endswith(", at the cap" if value > 0.55 else ", at the floor")
        assert (decision.from_active, decision.to_active, decision.total) == (30, 30, 100)
        factor = expected


@given(st.lists(ratios, max_size=30), st.integers(0, 12), st.integers(1, 4), st.integers(0, 6))
def test_the_steps_go_one_by_one_within_their_bounds(values, at_first, floor, more):
    lever, steps = StepsLever(floor, floor + more), at_first
    for value in values:
        decision = pull(lever, BAND, _reading(value), steps, 30, 100)
        if value > 0.55 and steps < lever.cap:
            expected = steps + 1
        elif value < 0.45 and steps > lever.floor:
            expected = steps - 1
        else:
            expected = steps
        assert decision.values == (steps, expected)
        assert decision.lever == "steps"
        steps = expected


@pytest.mark.parametrize("at_first", [1, 3, 8])
def test_a_course_is_what_equal_decisions_lead_to(at_first):
    lever = StepsLever(1, 5)
    for direction, value in (("up", 0.9), ("down", 0.1)):
        steps, expected = at_first, []
        while (moved := pull(lever, BAND, _reading(value), steps, 1, 2)).moves:
            steps = moved.values[1]
            expected.append(steps)
        assert list(lever.course(at_first, direction)) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LearningRateLever(1.0, 0.1, 10), "rate_step is 1.0: it must be above 1"),
        (lambda: LearningRateLever(math.nan, 0.1, 10), "rate_step is nan"),
        (lambda: LearningRateLever(2.0, 0.0, 10), "must satisfy 0 < floor <= 1 <= cap"),
        (lambda: LearningRateLever(2.0, 2.0, 10), "must satisfy"),
        (lambda: LearningRateLever(2.0, 0.5, 0.9), "must satisfy"),
        (lambda: StepsLever(0, 3), "must satisfy 1 <= floor <= cap"),
        (lambda: StepsLever(4, 3), "must satisfy"),
    ],
)
def test_bounds_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SparseganError, match=message):
        make()
