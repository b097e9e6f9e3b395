"""A record's gap, gain and ratio by their formulas on hand-made scores."""

import math

import pytest

from sparsegan import BalanceRecord


@pytest.mark.parametrize(
    ("real", "before", "after", "ratio"),
    [
        (1.0, -1.0, 0.0, 0.5),
        (1.0, -1.0, 1.0, 1.0),
        (1.0, -1.0, 2.0, 1.5),
        (1.0, -1.0, -2.0, -0.5),
        (5.0, 4.0, 4.25, 0.25),
        (-4.0, -5.0, -4.25, 0.75),
    ],
)
def test_hand_made_scores(real, before, after, ratio):
    record = BalanceRecord(real, before, after)
    assert record.valid
    assert record.ratio == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("real", "before"),
    [(1.0, 1.0), (0.0, 0.0), (-1.0, 1.0), (1.0, 0.9999), (1000.0, 999.0), (1e-300, 1e-300)],
)
def test_a_gap_that_is_zero_negative_or_mere_rounding_is_not_valid(real, before):
    record = BalanceRecord(real, before, 5.0)
    assert record.finite
    assert not record.valid
    assert math.isnan(record.ratio)


def test_the_least_valid_gap_is_a_thousandth_of_the_scores():
    assert BalanceRecord(1.0021, 1.0, 1.0).valid
    assert not BalanceRecord(1.0019, 1.0, 1.0).valid


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_makes_no_valid_record(position, value):
    triple = [1.0, -1.0, 0.0]
    triple[position] = value
    record = BalanceRecord(*triple)
    assert not record.finite
    assert not record.valid
    assert math.isnan(record.ratio)


@pytest.mark.parametrize(
    ("record", "ratio"),
    [
        ((1.0, 1.0, 2.0), math.inf),
        ((1.0, 1.0, 0.0), -math.inf),
        ((1.0, 1.0, 1.0), math.nan),
        ((-1.0, 1.0, 2.0), -0.5),
        ((math.inf, 1.0, 2.0), 0.0),
        ((math.nan, 1.0, 2.0), math.nan),
    ],
)
def test_without_a_gap_the_raw_ratio_is_that_of_ieee_division(record, ratio):
    assert BalanceRecord(*record).raw_ratio == pytest.approx(ratio, nan_ok=True)
