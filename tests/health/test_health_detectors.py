"""Each detector sees what it is there for, and nothing in runs that go well."""

import math

import pytest

from health_events import balance, evaluation, healthy, progress
from sparsegan.health import DETECTORS
from sparsegan.health.history import History


def said(events, steps=1000):
    history = History(steps)
    for event in events:
        history.follow(event)
    return {name for name, (detector, _) in DETECTORS.items() if detector(history)}


def series(make, values, every=50):
    return [make(every * (n + 1), value) for n, value in enumerate(values)]


def losses(values):
    return [progress(50 * (n + 1), loss=value) for n, value in enumerate(values)]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_of_a_run_that_goes_well(seed):
    history = History(1000)
    for event in healthy(seed=seed):
        if history.follow(event):
            spoken = [n for n, (detector, _) in DETECTORS.items() if detector(history)]
            assert not spoken


def evaluations(values, **columns):
    return [
        evaluation(200 * (n + 1), value, **{k: v[n] for k, v in columns.items()})
        for n, value in enumerate(values)
    ]


BAD = {
    "vanished": series(progress, [1.0, 0.5, 2.0, 1.0, 0.0, 0.0, 0.0]),
    "exploded": series(progress, [1.0, 0.5, 2.0] * 4 + [3e3, 5e3, 2e4]),
    "flat": losses([1.9, 1.7] + [2.0] * 12),
    "same_samples": evaluations([9.0, 8.0, 8.0], diversity=[0.5, 0.2, 0.02]),
    "farther": [evaluation(0, 5.0), *evaluations([20.0, 19.0, 18.0, 17.0])],
    "rising": evaluations([9.0, 4.0, 7.0, 8.0]),
    "unbalanced": [balance(10 * n, after=9.0) for n in range(1, 80)],
    "copying": evaluations([9.0, 5.0], copies=[0.7, 0.9]),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_each_sees_its_own(name):
    assert said(BAD[name]) == {name}


BESIDES = {
    "dead from the second line on": ("vanished", series(progress, [1.0] + [1e-9] * 6)),
    "zero from the second line on": ("vanished", series(progress, [1.0] + [0.0] * 3)),
    "zero from the first line on": ("vanished", series(progress, [0.0] * 4)),
    "an infinite norm before": (
        "vanished",
        series(progress, [1.0, 2.0, math.inf, 1.0] + [0.0] * 3),
    ),
    "fakes above real images": (
        "unbalanced",
        [balance(10 * n, before=5.0, after=5.5) for n in range(1, 80)],
    ),
    "steps that make images worse": (
        "unbalanced",
        [balance(10 * n, after=-2.0) for n in range(1, 80)],
    ),
}


@pytest.mark.parametrize(("name", "events"), BESIDES.values(), ids=BESIDES)
def test_none_of_its_kind_is_missed(name, events):
    assert said(events) == {name}


ALMOST = {
    "two lines without gradients": series(progress, [1.0, 0.5, 2.0, 1.0, 0.0, 0.0]),
    "no gradients were measured": series(progress, [None] * 20),
    "gradients that fall": series(progress, [10.0 / 2**n for n in range(15)]),
    "one wild step long ago": series(progress, [5e3] + [0.02 + 0.01 * (n % 3) for n in range(30)]),
    "small losses that move": losses([-3e-4 * (1 + n % 3) for n in range(20)]),
    "noise near zero": evaluations([0.05, 0.0005, 0.0012, 0.0013]),
    "one wild step": series(progress, [1.0] * 14 + [1e5]),
    "a loss near chance": losses([2.0 + 0.01 * (-1) ** n for n in range(20)]),
    "a loss that stood still for a while": losses([2.0] * 11),
    "samples alike at the start": [evaluation(50, 9.0, 0.01), evaluation(90, 9.0, 0.02)],
    "one evaluation of like samples": evaluations([9.0, 8.0], diversity=[0.5, 0.1]),
    "one that is worse": evaluations([9.0, 4.0, 8.0]),
    "worse and good again": evaluations([9.0, 4.0, 8.0, 4.5]),
    "better than at the start": [evaluation(0, 1.0), *evaluations([9.0, 8.0])],
    "farther away than before the first step for a while": [
        evaluation(0, 5.0),
        *evaluations([20.0, 15.0, 9.0, 7.0]),
    ],
    "a little worse twice": evaluations([9.0, 4.0, 4.5, 4.9]),
    "a weak discriminator at the start": [balance(n, after=9.0) for n in range(1, 90)],
    "a ratio of one": [balance(10 * n, after=1.0) for n in range(1, 80)],
    "some copies": evaluations([9.0, 5.0], copies=[0.1, 0.4]),
    "copies at the start": [evaluation(50, 9.0, copies=0.9), evaluation(90, 9.0, copies=0.9)],
}


@pytest.mark.parametrize("events", ALMOST.values(), ids=ALMOST)
def test_what_is_no_sign_is_none(events):
    assert said(events) == set()


def test_samples_all_alike_are_no_copies():
    events = evaluations([9.0, 8.0], diversity=[0.02, 0.02], copies=[1.0, 1.0])
    assert said(events) == {"same_samples"}


def test_a_discriminator_that_is_too_strong_is_seen_too():
    assert said([balance(10 * n, after=-0.999) for n in range(1, 80)]) == {"unbalanced"}
    history = History(1000)
    for event in losses([1.0] + [0.0] * 12):
        history.follow(event)
    assert "nothing to learn" in DETECTORS["flat"][0](history)
