from sparsegan.balance import BalanceRecord
from sparsegan.record import events


def test_densities_are_shares_of_the_total():
    line = {"kind": "decision", "step": 7, "from_active": 10, "to_active": 15, "total": 100}
    decision = events.read(line)
    assert (decision.before, decision.after) == (0.10, 0.15)
    assert events.read({"kind": "decision", "step": 7}).after is None


def test_a_measurement_without_a_gap_is_not_valid():
    event = events.Balance.of(3, None, BalanceRecord(real=1.0, fake_before=1.0, fake_after=2.0))
    assert not event.valid
    assert event.fake_after == 2.0


def test_a_distance_that_is_text_is_not_sound_but_can_be_read():
    line = {"kind": "evaluate", "step": 3, "metric": "kid", "value": "low", "frechet": 3}
    assert not events.Evaluation.is_sound(line)
    event = events.read(line)
    assert (event.metric, event.value, event.frechet, event.grid) == ("kid", None, 3.0, None)
