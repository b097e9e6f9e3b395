"""The window that a decision looks at, what it waits for, and what is said of a band far off."""

import itertools
import logging
import math
import random

import pytest
import torch
from torch.nn import functional as F

import reference
from sparsegan import Adapt, Dda, Static
from toy_gan import SPREAD, ToyGan, hand_made

SETTINGS = {"generator_density": 0.3, "balance_every": 1}


def test_a_change_of_density_clears_the_window_and_a_hold_does_not():
    gan = ToyGan()
    method = Dda(*gan.parts, steps=50, control_interval=3, balance_window=3, **SETTINGS)
    gan.run(method, 3, ratio=0.6)
    assert method.balance.reading().records == 3
    [event] = gan.run(method, 3, ratio=0.9)[-1:]
    assert event.decision.action == "raise"
    assert event.reading == event.decision.reading  # what was decided on is still said
    assert method.balance.reading().records == 0
    gan.run(method, 2, ratio=0.9)
    assert method.balance.reading().records == 2


def test_a_kept_window_goes_on_as_published():
    gan = ToyGan()
    method = Dda(
        *gan.parts,
        steps=50,
        control_interval=2,
        balance_window=4,
        faithful=("kept_window",),
        **SETTINGS,
    )
    events = gan.run(method, 8, ratio=0.9)
    actions = [e.decision.action for e in events if e.decision]
    assert actions == ["hold", "raise", "raise", "raise"]
    assert method.balance.reading().records == 4


def test_a_window_that_is_not_full_holds():
    gan = ToyGan()
    method = Dda(*gan.parts, steps=50, control_interval=4, balance_window=4, **SETTINGS)
    gan.run(method, 3, ratio=0.9)
    method.balance.clear()
    [event] = gan.run(method, 1, ratio=0.9)
    assert event.decision.action == "hold"
    assert "only 1 measurements" in event.decision.reason
    assert event.changes == ()


def test_a_raise_waits_for_a_discriminator_that_makes_steps():
    gan = ToyGan()
    method = Dda(*gan.parts, steps=50, control_interval=2, balance_window=2, **SETTINGS)
    for _ in range(2):
        gan.generator_step()
        event = method.after_generator_step(SPREAD, **hand_made(0.9))
    assert event.decision.action == "hold"
    assert "D made no step to grow by" in event.decision.reason
    assert event.decision.to_active == method.discriminator.masks.active
    gan.run(method, 2, ratio=0.9)
    assert method.discriminator.masks.density > 0.34


def test_a_gradient_left_over_from_an_earlier_step_is_never_grown_by():
    gan = ToyGan()
    method = Dda(*gan.parts, steps=50, control_interval=2, balance_window=2, **SETTINGS)
    gan.run(method, 2, ratio=0.6)  # due, but in the band: the gradient is not used
    assert not method.discriminator.has_growth_gradient


@pytest.mark.parametrize(("ratio", "warned"), [(0.01, True), (0.3, False), (3.0, True)])
def test_three_decisions_far_outside_the_band_are_worth_a_warning(caplog, ratio, warned):
    gan = ToyGan()
    method = Dda(*gan.parts, steps=50, control_interval=2, balance_window=2, **SETTINGS)
    with caplog.at_level(logging.WARNING, logger="sparsegan"):
        events = gan.run(method, 12, ratio=ratio)
    said = [e.step for e in events if any("far outside the band" in w for w in e.warnings)]
    assert said == ([6, 12] if warned else [])
    assert len([r for r in caplog.records if "calibrate the band" in r.message]) == len(said)


def _scores(seed, level, spread):
    """Mean scores of 40 iterations: most with a gap, some with none, negative or not finite."""
    draw, made = random.Random(seed), []
    for _ in range(40):
        before = draw.uniform(-2, 1)
        gap = draw.choice([2.0, 1.5, 1.0, 0.5, 0.5, 0.25, -0.5])
        made.append((before + gap, before, before + gap * (level + draw.uniform(-spread, spread))))
    return made


ODD = [(1.0, 1.0, 2.0), (0.5, 0.5, 0.5), (math.nan, 0.0, 0.5), (1.0, 1.0, 0.5)]


def _fed(method, gan, triples):
    """The events of a run that measures these scores."""
    events = []
    for real, before, after in triples:
        gan.step += 1
        gan.discriminator_step()
        gan.generator_step()
        events.append(
            method.after_generator_step(
                before + SPREAD[:2].double(),
                rescore=lambda after=after: torch.full((2,), after),
                real_scores=lambda real=real: torch.full((2,), real),
            )
        )
    return events


VARIANTS = [("relaxed", 1.0), ("strict", 0.5)]
INTERVALS = [(1, 5, 5), (2, 5, 10), (2, 3, 7), (3, 2, 4), (1, 10, 4), (1, 40, 10)]
CASES = list(itertools.product(VARIANTS, INTERVALS, [None, *ODD], [0.5, 0.9]))


@pytest.mark.parametrize(
    ("variant", "intervals", "odd", "level"),
    # Every eleventh has each variant, each intervals, each odd measurement and each level.
    [pytest.param(*c, marks=[] if n % 11 == 0 else pytest.mark.full) for n, c in enumerate(CASES)],
)
def test_faithful_decisions_are_those_of_the_published_loop(variant, intervals, odd, level):
    (variant, cap), (every, window, interval) = variant, intervals
    triples = _scores(window * interval, level, 0.3)
    if odd is not None:
        triples[17] = odd
    # As the published code has them, which takes its means in the networks' own precision.
    triples = [tuple(torch.tensor(triple).tolist()) for triple in triples]
    gan = ToyGan()
    method = Adapt(
        *gan.parts,
        steps=40,
        variant=variant,
        generator_density=0.3,
        interval=15,
        control_interval=interval,
        balance_every=every,
        balance_window=window,
        faithful=("all",),
    )
    masks = method.discriminator.masks
    expected = reference.published_control(
        triples, 40, every, window, interval, 0.45, 0.55, masks.active, masks.total, cap,
        explores=variant == "strict",
    )  # fmt: skip
    events = _fed(method, gan, triples)
    decisions = [(e.step, e.decision) for e in events if e.decision]
    assert [(t, d.reading.records, d.action, d.to_active) for t, d in decisions] == [
        (t, records, action, active) for t, records, _, action, active in expected
    ]
    for (_, decision), (_, _, ratio, _, _) in zip(decisions, expected, strict=True):
        assert decision.reading.value == pytest.approx(ratio, rel=1e-9, nan_ok=True)
    counted = [records for _, records, *_ in expected]
    if interval == every * window:
        assert counted == [window] + [window + 1] * (len(counted) - 1)


def test_a_faithful_run_goes_on_from_its_state_to_the_same_decisions():
    triples = _scores(3, 0.6, 0.5)
    settings = {"generator_density": 0.3, "faithful": ("all",), "control_interval": 5}
    settings |= {"balance_every": 1, "balance_window": 5, "steps": 40}
    gan = ToyGan()
    method = Dda(*gan.parts, **settings)
    _fed(method, gan, triples[:13])
    other = ToyGan()
    resumed = Dda(*other.parts, **settings)
    other.load(gan.state())
    other.step = gan.step
    resumed.load_state_dict(method.state_dict())
    rest = [_fed(m, g, triples[13:]) for m, g in ((method, gan), (resumed, other))]
    assert str(rest[0]) == str(rest[1])
    assert {e.decision.reading.records for e in rest[0] if e.decision} == {6}


def test_without_the_switch_a_record_without_a_gap_never_counts():
    gap_lost = [(0.0, 0.0, 5.0)] * 4
    taken = {}
    for faithful in ((), ("unguarded_ratio",)):
        gan = ToyGan()
        method = Dda(
            *gan.parts,
            steps=20,
            control_interval=9,
            balance_window=9,
            faithful=faithful,
            **SETTINGS,
        )
        events = _fed(method, gan, [(1.0, 0.0, 0.6)] * 5 + gap_lost)
        taken[faithful] = events[-1].decision
    assert taken[()].reading.value == pytest.approx(0.6)
    assert taken[()].action == "hold"
    assert taken["unguarded_ratio",].reading.value == pytest.approx(23 / 5)
    assert taken["unguarded_ratio",].action == "raise"


class Reversed(ToyGan):
    """A loop whose losses want low scores for real images."""

    def discriminator_step(self):
        self.opt_D.zero_grad()
        fake = self.G(self.noise(1)).detach()
        (F.relu(1 + self.D(self.real())).mean() + F.relu(1 - self.D(fake)).mean()).backward()
        self.opt_D.step()

    def generator_step(self):
        z = self.noise(2)
        scores = self.D(self.G(z))
        self.opt_G.zero_grad()
        scores.mean().backward()
        self.opt_G.step()
        return z, scores.detach()


@pytest.mark.parametrize("method", [Dda, Static])
def test_reversed_scores_are_said_once_and_decide_nothing(method, caplog):
    gan = Reversed()
    every = {"control_interval": 4, "balance_window": 4} if method is Dda else {"balance_window": 4}
    method = method(*gan.parts, steps=50, **every, **SETTINGS)
    with caplog.at_level(logging.WARNING, logger="sparsegan"):
        events = gan.run(method, 20)
        state, networks = method.state_dict(), gan.state()
        other = Reversed()
        resumed = type(method)(*other.parts, steps=50, **every, **SETTINGS)
        other.load(networks)
        resumed.load_state_dict(state)
        other.step = gan.step
        events += other.run(resumed, 8)
    said = [warning for event in events for warning in event.warnings]
    assert len(said) == 1
    assert "D scores real images lower than generated ones; pass the negated scores" in said[0]
    assert len([r for r in caplog.records if "lower than generated ones" in r.message]) == 1
    assert {e.decision.action for e in events if e.decision} <= {"hold"}
    assert not [e for event in events for e in event.changes]


def test_negated_scores_are_measured_as_those_of_a_usual_loop():
    gan = Reversed()
    method = Dda(*gan.parts, steps=50, control_interval=4, balance_window=4, **SETTINGS)
    for _ in range(8):
        gan.step += 1
        gan.discriminator_step()
        z, scores = gan.generator_step()
        event = method.after_generator_step(
            -scores,
            rescore=lambda z=z: -gan.D(gan.G(z)),
            real_scores=lambda: -gan.D(gan.real()),
        )
        assert event.balance.gain > 0
    assert not method.balance.reading().reversed
    assert not event.warnings


def test_a_discriminator_that_does_not_learn_is_raised_all_the_same():
    gan = ToyGan()
    for group in gan.opt_D.param_groups:
        group["lr"] = 0.0
    method = Dda(*gan.parts, steps=200, control_interval=10, balance_window=10, **SETTINGS)
    decisions = [e.decision for e in gan.run(method, 100) if e.decision]
    assert "raise" in {decision.action for decision in decisions}
    assert not method.balance.reading().reversed


# ---- other signals and levers
