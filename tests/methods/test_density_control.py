"""The window that a decision looks at, what it waits for, and what is said of a band far off."""

import logging

import pytest
import torch

from sparsegan import Dda
from toy_gan import ToyGan, hand_made

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
        event = method.after_generator_step(torch.zeros(4), **hand_made(0.9))
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
