"""The band's verdict against a slow reading of its rules, for either signal."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan import BalanceRatio, BalanceRecord, DensityController, SparseganError
from sparsegan.balance import BalanceReading
from sparsegan.balance.band import Band


def _reading(value=0.5, positive=0.8, valid=100, **others):
    return BalanceReading(value, 100, valid, 0, full=True, real_positive=positive, **others)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_low_share_of_positive_real_scores_says_that_d_is_too_weak(share, one, other, inclusive):
    low, high = sorted((one, other))
    verdict = Band(low, high, inclusive, "sign").verdict(_reading(9.0, share, valid=0))
    weak = share <= low if inclusive else share < low
    strong = share >= high if inclusive else share > high
    # Of a share on both edges of a band of one point, the weaker D is what is seen.
    assert verdict.direction == ("up" if weak else "down" if strong else None)
    side = {"up": "below the band", "down": "above the band", None: "in the band"}
    assert verdict.reason == f"share of positive real scores {side[verdict.direction]}"
    assert not verdict.far


@given(st.floats(-3, 3), st.floats(0, 2), st.floats(0, 2), st.booleans())
def test_a_high_ratio_says_so_and_the_controller_moves_by_it(value, one, other, inclusive):
    low, high = sorted((one, other))
    verdict = Band(low, high, inclusive).verdict(_reading(value))
    weak = value >= high if inclusive else value > high
    strong = value <= low if inclusive else value < low
    assert verdict.direction == ("up" if weak else "down" if strong else None)
    controller = DensityController(low=low, high=high, inclusive=inclusive)
    decision = controller.decide(_reading(value), 500, 1000)
    assert decision.action == {"up": "raise", "down": "lower", None: "hold"}[verdict.direction]
    assert (decision.reason, decision.far) == (verdict.reason, verdict.far)


@pytest.mark.parametrize("signal", ["ratio", "sign"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"full": False}, "only 100 measurements"),
        ({"nonfinite": 51}, "51 of 100 scores are not finite"),
        ({"reversed": True}, "scores are low for real images"),
        ({"blind": "all is dead"}, "all is dead"),
        ({"value": math.nan, "real_positive": math.nan}, "is not a number"),
    ],
)
def test_what_no_signal_can_be_trusted_in(signal, changes, reason):
    reading = dataclasses.replace(_reading(9.0, 0.0), **changes)
    verdict = Band(0.4, 0.5, signal=signal).verdict(reading)
    assert verdict.direction is None
    assert reason in verdict.reason


def test_the_share_is_the_mean_over_the_records_that_know_it():
    meter = BalanceRatio(4)
    for share in (math.nan, 0.5, 1.0, 0.25):
        meter.record(BalanceRecord(1.0, 0.0, 0.5, real_positive=share))
    assert meter.reading().real_positive == 1.75 / 3
    assert math.isnan(BalanceRatio(4).reading().real_positive)


def test_a_gap_is_nothing_to_the_sign():
    reading = _reading(0.5, 0.8, valid=0)
    assert Band(0.4, 0.6).verdict(reading).direction == "up"
    assert Band(0.75, 0.85, signal="sign").verdict(reading).direction is None


def test_an_empty_band_is_refused():
    with pytest.raises(SparseganError, match="is empty: low exceeds high"):
        Band(0.6, 0.5)
