"""The ratio against its formula on hand-made scores, and that measuring leaves no trace."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

import reference
from sparsegan import BalanceRatio, BalanceRecord
from sparsegan.undisturbed import undisturbed
from toy_gan import require_equal

finite = st.floats(-1e6, 1e6)
scores = st.one_of(finite, st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf]))
triples = st.lists(st.tuples(scores, scores, scores), max_size=30)


def _meter(records, window=10, **settings):
    meter = BalanceRatio(window, **settings)
    for record in records:
        meter.record(BalanceRecord(*record))
    return meter


@given(triples, st.integers(1, 12), st.booleans())
def test_the_window_equals_the_slow_reference(records, window, mean_of_ratios):
    reading = _meter(records, window, mean_of_ratios=mean_of_ratios).reading()
    expected = reference.balance_ratio(records, window, mean_of_ratios)
    assert reading.value == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
    kept = records[-window:]
    assert reading.records == len(kept) == reading.valid + reading.invalid + reading.nonfinite
    assert reading.nonfinite == sum(not all(map(math.isfinite, record)) for record in kept)
    assert reading.full == (len(records) >= window)


@given(triples.filter(len), st.booleans())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_unguarded_every_record_counts_whatever_its_gap(records, mean_of_ratios):
    reading = _meter(records, 40, mean_of_ratios=mean_of_ratios, guarded=False).reading()
    expected = reference.unguarded_ratio(records, mean_of_ratios)
    if mean_of_ratios or not math.isclose(_mean_gap(records), 0, abs_tol=1e-6):
        assert reading.value == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)
    assert not reading.guarded
    guarded = _meter(records, 40, mean_of_ratios=mean_of_ratios).reading()
    assert (reading.records, reading.valid) == (guarded.records, guarded.valid)


def _mean_gap(records):
    """Which NumPy sums in another order: next to 0 the quotient is all rounding."""
    gaps = [real - before for real, before, _ in records]
    return math.fsum(gaps) if all(map(math.isfinite, gaps)) else 1.0


def test_a_window_that_is_trimmed_late_keeps_one_record_more_until_then():
    meter = BalanceRatio(2, trimmed_late=True)
    for number in range(4):
        meter.record(BalanceRecord(1.0, 0.0, float(number)))
        assert meter.reading().records == min(number + 1, 3)
        assert meter.reading().full == (number >= 1)
        meter.trim()
        assert meter.reading().records == min(number + 1, 2)
    assert meter.reading().value == 2.5
    saved = BalanceRatio(2, trimmed_late=True)
    saved.load_state_dict(meter.state_dict())
    assert saved.reading() == meter.reading()


def test_ratio_of_means_and_mean_of_ratios():
    records = [(1.0, -1.0, 0.0), (3.0, 1.0, 1.5)]
    assert _meter(records).reading().value == pytest.approx(1.5 / 4)
    records = [(1.0, 0.0, 0.5), (9.0, 0.0, 0.0)]
    assert _meter(records).reading().value == pytest.approx(0.05)
    assert _meter(records, mean_of_ratios=True).reading().value == pytest.approx(0.25)


def test_a_cleared_window_says_nothing():
    meter = _meter([(1.0, -1.0, 0.0)] * 10)
    assert meter.reading().full
    meter.clear()
    reading = meter.reading()
    assert (reading.records, reading.valid, reading.full) == (0, 0, False)
    assert math.isnan(reading.value)


@given(st.lists(st.tuples(*[st.floats(-2, 2, width=16)] * 3), min_size=5, max_size=5))
def test_scores_are_reversed_where_negated_ones_are_of_a_game_that_goes_well(records):
    negated = [BalanceRecord(*(-score for score in record)) for record in records]
    well = sum(one.valid and one.gain > 0 for one in negated)
    assert _meter(records, window=5).reading().reversed == (well > 2)
    assert not _meter(records, window=6).reading().reversed
    assert not _meter(records, window=5, guarded=False).reading().reversed


def test_a_weak_discriminator_is_not_taken_for_reversed_scores():
    records = [(-1.0, 1.0, 1.5)] * 10  # below the fakes, and a step of G raises its score
    assert not _meter(records).reading().reversed


def test_reversed_scores_remain_so_until_steps_raise_them():
    meter = _meter([(-1.0, 1.0, 0.5)] * 10)
    for _ in range(20):
        meter.record(BalanceRecord(1.0, 0.5, 0.2))  # G has overtaken D: the gap says nothing
    assert meter.reading().reversed
    meter.clear()
    other = BalanceRatio(10)
    other.load_state_dict(meter.state_dict())
    for _ in range(10):
        assert other.reading().reversed
        other.record(BalanceRecord(1.0, -1.0, -0.5))
    assert not other.reading().reversed


def test_a_window_that_was_saved_with_three_columns_is_restored():
    rows = [(1.0, 0.0, 0.25), (2.0, -1.0, 0.5)]
    meter = BalanceRatio(10)
    meter.load_state_dict({"records": torch.tensor(rows, dtype=torch.float64)})
    assert str(meter.reading()) == str(_meter(rows).reading())
    meter.record(BalanceRecord(1.0, 0.0, 0.5, real_positive=0.75))
    again = BalanceRatio(10)
    again.load_state_dict(meter.state_dict())
    require_equal(again.state_dict(), meter.state_dict())


@given(triples)
def test_a_saved_window_is_restored(records):
    meter, other = _meter(records), _meter([(9.0, 0.0, 9.0)])
    other.load_state_dict(meter.state_dict())
    assert str(other.reading()) == str(meter.reading())  # NaN equals itself as text
    other.record(BalanceRecord(1.0, 0.0, 0.5))
    meter.record(BalanceRecord(1.0, 0.0, 0.5))
    assert str(other.reading()) == str(meter.reading())


class _Reassigning(nn.Module):
    """A running mean kept by putting a new tensor into the buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("absent", None)

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return x - self.mean


def _network():
    return nn.Sequential(
        torch.nn.utils.spectral_norm(nn.Linear(4, 4)),
        nn.BatchNorm1d(4),
        nn.Dropout(0.5),
        _Reassigning(),
        parametrizations.spectral_norm(nn.Linear(4, 4)),
    )


@pytest.mark.parametrize("raises", [False, True])
def test_nothing_remembers_what_ran_undisturbed(raises, device):
    network = _network().to(device)
    x = torch.randn(8, 4).to(device)
    network(x)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    places = {name: id(buffer) for name, buffer in network.named_buffers()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def use():
        with undisturbed(network), torch.no_grad():
            outputs = network(x), network(x)
            assert not torch.equal(*outputs)  # it did run in training mode
            assert not outputs[0].requires_grad
            torch.rand(3), torch.rand(3, device=device), random.random(), np.random.rand()
            if raises:
                raise RuntimeError("out of memory")

    if raises:
        with pytest.raises(RuntimeError):
            use()
    else:
        use()
    for name, tensor in network.state_dict().items():
        assert torch.equal(before[name], tensor), name
    assert {name: id(buffer) for name, buffer in network.named_buffers()} == places
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert all(np.array_equal(a, b) for a, b in zip(states[2], np.random.get_state(), strict=True))
    assert cuda is None or torch.equal(cuda, torch.cuda.get_rng_state(device))
    assert torch.is_grad_enabled()
