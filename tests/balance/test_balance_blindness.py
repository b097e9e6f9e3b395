"""When a window says nothing: by counting, record by record."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan import BalanceRatio, BalanceRecord, DensityController
from sparsegan.balance.blindness import blindness

LIVE = {"fake_spread": 0.1, "generator_gradient": 0.1, "discriminator_gradient": 2.0}
DEAD = [
    ({"generator_gradient": 1e-9}, "the generator's gradients have vanished"),
    ({"discriminator_gradient": 0.0}, "the discriminator's gradients have vanished"),
    ({"fake_spread": 1e-8}, "D scores all generated images alike"),
]


def _record(**values):
    return BalanceRecord(1.0, 0.0, 0.9, **{**LIVE, **values})


@pytest.mark.parametrize(("values", "reason"), DEAD)
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_a_window_is_blind_where_more_than_half_of_it_is_dead(values, reason, dead):
    records = [_record(**(values if one else {})) for one in dead]
    assert blindness(records) == (reason if sum(dead) > len(dead) - sum(dead) else "")


@pytest.mark.parametrize(("values", "reason"), DEAD)
@pytest.mark.parametrize("scores", [(1.0, 0.0, 0.9), (1.0, 0.0, 0.1), (0.5, 0.5, 0.5)])
def test_nothing_is_decided_in_a_dead_run(values, reason, scores):
    meter, unwatched = BalanceRatio(3), BalanceRatio(3, watched=False)
    for _ in range(3):
        for one in (meter, unwatched):
            one.record(BalanceRecord(*scores, **{**LIVE, **values}))
    for controller in (DensityController(), DensityController(cap=0.5, at_cap="rewire")):
        decision = controller.decide(meter.reading(), 500, 1000)
        assert (decision.action, decision.to_active) == ("hold", 500)
        assert decision.reason == reason
        assert not decision.far
        assert controller.decide(unwatched.reading(), 500, 1000).action != "hold"


def test_what_is_not_known_or_not_finite_is_not_dead():
    assert not blindness([])
    assert not blindness([BalanceRecord(1.0, 0.0, 0.5)] * 3)
    odd = BalanceRecord(math.nan, 0.0, 0.5, math.nan, math.nan, 0.0, 0.0)
    assert not blindness([odd] * 3)
    assert not blindness([_record(generator_gradient=math.inf)] * 3)


@pytest.mark.parametrize(
    ("real_positive", "fake", "lowered"),
    [(1.0, -3.0, True), (0.99, -3.0, False), (1.0, -0.15, False), (1.0, 0.5, False)],
)
def test_a_discriminator_without_anything_left_to_learn_is_too_strong_and_not_dead(
    real_positive, fake, lowered
):
    meter = BalanceRatio(1)
    values = {**LIVE, "real_positive": real_positive, "discriminator_gradient": 0.0}
    meter.record(BalanceRecord(3.0, fake, fake + 0.01, **values))
    action = DensityController().decide(meter.reading(), 500, 1000).action
    assert action == ("lower" if lowered else "hold")


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_likeness_is_a_share_of_the_scores(scale):
    for spread, alike in ((2e-5, False), (0.5e-5, True)):
        record = BalanceRecord(0.75 * scale, -0.25 * scale, scale, 1.0, spread * scale)
        assert bool(blindness([record])) == alike
