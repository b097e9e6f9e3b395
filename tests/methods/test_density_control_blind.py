"""A dead run decides nothing, and a live one is as it was."""

import logging
import math

import pytest

from needs import in_full
from sparsegan import Adapt, Dda
from toy_gan import ToyGan, require_equal

SETTINGS = {"generator_density": 0.3, "balance_every": 1}


class Dead(ToyGan):
    """A loop in which, from a step on, something has died: a part's gradients, or G's variety."""

    def __init__(self, dies, after=0, **settings):
        super().__init__(**settings)
        self.dies, self.after = dies, after
        optimiser = {"generator": self.opt_G, "discriminator": self.opt_D}.get(dies)
        if optimiser is not None:  # a hook of its own, before the method's
            optimiser.register_step_pre_hook(self._vanish)

    def _vanish(self, optimiser, *_):
        if self.step > self.after:
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad *= 1e-12

    def noise(self, *purpose):
        noise = super().noise(*purpose)
        alike = self.dies == "variety" and purpose == (2,) and self.step > self.after
        return noise[:1].expand_as(noise) if alike else noise


REASONS = {
    "generator": "the generator's gradients have vanished",
    "discriminator": "the discriminator's gradients have vanished",
    "variety": "D scores all generated images alike",
}


@pytest.mark.parametrize("dies", REASONS)
@pytest.mark.parametrize("d_first", [True, *in_full(False)])
def test_a_dead_run_decides_nothing_and_says_so_once(dies, d_first, caplog):
    gan = Dead(dies, after=10, d_first=d_first)
    settings = {"steps": 60, "control_interval": 4, "balance_window": 4, "low": 0.0, "high": 1e-6}
    method = Dda(*gan.parts, **settings, **SETTINGS)
    with caplog.at_level(logging.WARNING, logger="sparsegan"):
        events = gan.run(method, 37)
        other = Dead(dies, after=10, d_first=d_first)
        other.step = gan.step
        resumed = Dda(*other.parts, **settings, **SETTINGS)
        other.load(gan.state())
        resumed.load_state_dict(method.state_dict())
        rest = gan.run(method, 10)
        again = other.run(resumed, 10)
    assert str([e.decision for e in rest]) == str([e.decision for e in again])
    decided = {e.step: e.decision for e in events + rest if e.decision}
    assert {decided[step].action for step in (4, 8)} <= {"raise", "lower"}
    late = [decision for step, decision in decided.items() if step >= 20]
    assert {(one.action, one.reason) for one in late} == {("hold", REASONS[dies])}
    said = [w for e in events + rest + again for w in e.warnings if "decisions on D" in w]
    assert len(said) == 1
    assert said[0].startswith(REASONS[dies])


@pytest.mark.parametrize("dies", REASONS)
def test_a_dead_run_is_decided_on_where_the_published_code_does(dies):
    gan = Dead(dies)
    method = Dda(
        *gan.parts, steps=60, control_interval=4, balance_window=4,
        faithful=("blind_decisions",), **SETTINGS,
    )  # fmt: skip
    events = gan.run(method, 40)
    assert not {e.decision.reason for e in events if e.decision} & set(REASONS.values())
    assert math.isnan(events[-1].balance.generator_gradient)  # nobody looks at it


@pytest.mark.parametrize("method", [Dda, *in_full(Adapt)])
def test_a_live_run_is_the_same_to_the_bit_watched_or_not(method):
    ends = []
    for faithful in ((), ("blind_decisions",)):
        gan = ToyGan()
        own = method(
            *gan.parts, steps=90, control_interval=10, balance_window=10, faithful=faithful,
            **SETTINGS,
        )  # fmt: skip
        decisions = [e.decision for e in gan.run(own, 80) if e.decision]
        assert {d.action for d in decisions} & {"raise", "lower"}
        state = own.state_dict() | {"balance": own.balance.state_dict()["records"][:, :5]}
        ends.append([gan.state(), state, [(d.action, d.reason, d.to_active) for d in decisions]])
    require_equal(*ends)
