"""The controller against a slow reference, its integer ladder, and what must not move it."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from sparsegan import BalanceRatio, BalanceRecord, DensityController, SparseganError
from sparsegan.balance import BalanceReading


def _reading(value=0.5, records=100, valid=None, nonfinite=0, full=True):
    return BalanceReading(value, records, records if valid is None else valid, nonfinite, full)


@given(
    st.floats(-3, 3),
    st.integers(100, 5000).flatmap(lambda total: st.tuples(st.integers(1, total), st.just(total))),
    st.floats(0.01, 0.5),
    st.floats(0.02, 0.5),
    st.floats(0.5, 1),
    st.sampled_from(["nothing", "rewire"]),
)
def test_decisions_equal_the_slow_reference(value, weights, step, floor, cap, at_cap):
    active, total = weights
    controller = DensityController(step=step, floor=floor, cap=cap, at_cap=at_cap)
    decision = controller.decide(_reading(value), active, total)
    expected = reference.controller_target(value, active, total, 0.45, 0.55, step, floor, cap)
    assert decision.to_active == expected
    assert decision.from_active == active
    if decision.action == "rewire":
        assert at_cap == "rewire"
        assert value > 0.55
        assert expected - active <= 1 / step  # the weights that rounding left over, if any
        assert expected >= reference.budget(cap, total)
    elif expected > active:
        assert decision.action == "raise"
    elif expected < active:
        assert decision.action == "lower"
    else:
        assert decision.action == "hold"
        assert not (value > 0.55 and at_cap == "rewire")


def test_the_ladder_down_stops_at_the_floor():
    controller, active, seen = DensityController(), 200, []
    for _ in range(5):
        active = controller.decide(_reading(0.1), active, 1000).to_active
        seen.append(active)
    assert seen == [150, 100, 50, 50, 50]
    assert "at the floor" in controller.decide(_reading(0.1), 50, 1000).reason
    assert controller.decide(_reading(0.1), 20, 1000).to_active == 20  # started below it


def test_relaxed_holds_at_the_cap():
    decision = DensityController().decide(_reading(0.9), 1000, 1000)
    assert (decision.action, decision.to_active) == ("hold", 1000)
    assert "at the cap" in decision.reason


@pytest.mark.parametrize(
    ("value", "plain", "inclusive"),
    [(0.55, "hold", "raise"), (0.45, "hold", "lower"), (0.5, "hold", "hold")],
)
def test_the_bands_edges_are_in_it_unless_the_published_code_is_followed(value, plain, inclusive):
    decide = lambda **settings: DensityController(**settings).decide(  # noqa: E731
        _reading(value), 500, 1000
    )
    assert decide().action == plain
    assert decide(inclusive=True).action == inclusive


@pytest.mark.parametrize(
    ("reading", "action", "reason"),
    [
        (_reading(math.nan, 0, full=False), "hold", "only 0 measurements"),
        (_reading(9.0, 99, full=False), "hold", "only 99 measurements"),
        (_reading(0.5, 100, valid=49), "raise", "does not separate real from fake"),
        (_reading(0.5, 100, valid=50), "hold", "in the band"),
        (_reading(math.nan, 100, valid=0), "raise", "does not separate real from fake"),
        (_reading(9.0, 100, valid=49, nonfinite=51), "hold", "51 of 100 scores are not finite"),
        (_reading(9.0, 100, valid=50, nonfinite=50), "raise", "above the band"),
        (_reading(math.nan, 100, valid=0, nonfinite=50), "hold", "no valid measurement"),
    ],
)
def test_readings_that_cannot_be_trusted(reading, action, reason):
    decision = DensityController().decide(reading, 100, 1000)
    assert decision.action == action
    assert reason in decision.reason
    assert decision.to_active == (150 if action == "raise" else 100)
    assert decision.reading is reading


def test_a_blind_discriminator_at_the_cap_explores_in_strict():
    strict = DensityController(cap=0.5, at_cap="rewire")
    decision = strict.decide(_reading(math.nan, 100, valid=10), 500, 1000)
    assert decision.action == "rewire"
    assert "does not separate" in decision.reason


@pytest.mark.parametrize("outlier", [(1.0, 1.0, 1e9), (1.0, 1.0 - 1e-9, -1e9), (math.nan, 0, 0)])
def test_one_record_without_a_gap_moves_no_decision(outlier):
    meter = BalanceRatio(100)
    for _ in range(99):
        meter.record(BalanceRecord(1.0, 0.0, 0.5))
    meter.record(BalanceRecord(*outlier))
    decision = DensityController().decide(meter.reading(), 100, 1000)
    assert decision.action == "hold"
    assert decision.reading.value == pytest.approx(0.5)


@pytest.mark.parametrize("value", [math.nan, -0.4, 0.01, 9.0])
def test_nothing_is_decided_on_reversed_scores(value):
    reading = dataclasses.replace(_reading(value, 100, valid=10), reversed=True)
    for controller in (DensityController(), DensityController(cap=0.5, at_cap="rewire")):
        for active in (100, 500):
            decision = controller.decide(reading, active, 1000)
            assert (decision.action, decision.to_active) == ("hold", active)
            assert decision.reason == "scores are low for real images"
            assert not decision.far


def test_far_from_the_band_is_said():
    controller = DensityController()
    far = [controller.decide(_reading(v), 500, 1000).far for v in (0.149, 0.151, 1.64, 1.66)]
    assert far == [True, False, False, True]
    assert not controller.decide(_reading(math.nan, valid=0), 500, 1000).far


def test_a_network_of_a_few_weights_still_moves():
    decision = DensityController(cap=0.5, at_cap="rewire").decide(_reading(0.9), 1, 6)
    assert (decision.action, decision.to_active) == ("raise", 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low": 0.6, "high": 0.5}, "is empty: low exceeds high"),
        ({"low": math.nan}, "is empty"),
        ({"step": 0.0}, r"the density step is 0.0: it must lie in \(0, 1\]"),
        ({"floor": 0.6, "cap": 0.5}, "must satisfy 0 < floor <= cap <= 1"),
        ({"floor": 0.0}, "must satisfy"),
        ({"cap": 1.1}, "must satisfy"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(SparseganError, match=message):
        DensityController(**settings)


def test_a_start_above_the_cap_is_refused():
    DensityController(cap=0.5).check_start(0.5)
    with pytest.raises(SparseganError, match=r"starts at density 0.6, above the cap 0.5"):
        DensityController(cap=0.5).check_start(0.6)


@pytest.mark.parametrize(
    ("value", "action"),
    [(math.nan, "hold"), (math.inf, "raise"), (-math.inf, "lower"), (0.5, "hold"), (0.9, "raise")],
)
@pytest.mark.parametrize(("valid", "nonfinite"), [(0, 0), (0, 100), (100, 0), (30, 60)])
def test_an_unguarded_reading_is_decided_on_by_its_value_alone(value, action, valid, nonfinite):
    reading = BalanceReading(value, 100, valid, nonfinite, full=True, guarded=False)
    assert DensityController().decide(reading, 500, 1000).action == action


@pytest.mark.parametrize("start", [0.02, 0.05, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("cap", [0.5, 1.0])
@pytest.mark.parametrize(("direction", "sign"), [("up", 1), ("down", -1)])
def test_a_course_goes_step_by_step_to_floor_or_cap(start, cap, direction, sign):
    controller, density, expected = DensityController(cap=cap), start, []
    while True:
        before = density
        density = min(cap, max(min(0.05, start), density + sign * 0.05))
        if density == before:
            break
        expected.append(density)
    assert list(controller.course(start, direction)) == expected
