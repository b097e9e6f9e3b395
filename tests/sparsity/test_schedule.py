"""Drop fractions at their ends and in the middle, and when things are due."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan import SparseganError
from sparsegan.sparsity import DropFraction, due


@given(st.integers(0, 1000))
def test_cosine_is_pytorchs_annealing(step):
    expected = 0.005 + (0.5 - 0.005) * (1 + math.cos(math.pi * step / 1000)) / 2
    assert DropFraction()(step, 1000) == pytest.approx(expected)


@pytest.mark.parametrize(("step", "expected"), [(1000, 0.4995), (20_000, 0.3293), (50_000, 0.0050)])
def test_cosine_gives_the_fractions_of_published_logs(step, expected):
    # SNGAN, 50,000 generator steps (methods.md, B3).
    assert DropFraction()(step, 50_000) == pytest.approx(expected, abs=6e-4)


def test_linear_and_constant():
    linear = DropFraction(0.4, 0.2, "linear")
    assert [linear(t, 10) for t in (0, 5, 10, 20)] == pytest.approx([0.4, 0.3, 0.2, 0.2])
    constant = DropFraction(0.4, 0.2, "constant")
    assert [constant(t, 10) for t in (0, 5, 10)] == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("fractions", [(1.1, 0.1), (0.5, -0.1), (math.nan, 0.1)])
def test_fractions_outside_their_range_are_refused(fractions):
    with pytest.raises(SparseganError, match=r"both must lie in \[0, 1\]"):
        DropFraction(*fractions)


def test_an_unknown_shape_is_refused():
    with pytest.raises(SparseganError, match="drop schedule is 'cos': choose one of cosine"):
        DropFraction(shape="cos")


def test_due_at_multiples_but_neither_at_the_start_nor_at_the_end():
    assert [t for t in range(31) if due(t, 10, 30)] == [10, 20]
