"""Signals and levers: what a decision reads, and what it moves."""

import pytest
import torch

from needs import in_full
from sparsegan import Adapt, Dda, SparseganError
from sparsegan.methods import Requests
from toy_gan import SPREAD, ToyGan, require_equal

SETTINGS = {"generator_density": 0.3, "balance_every": 1}


class Obedient(ToyGan):
    """A loop that does what its method asks for."""

    def __init__(self, obeys=True, **settings):
        super().__init__(**settings)
        self.obeys, self.made, self.method = obeys, [], None

    def run(self, method, steps, ratio=None):
        self.method = method
        return super().run(method, steps, ratio)

    def discriminator_step(self):
        wanted = self.method.requests if self.obeys else Requests()
        for group in self.opt_D.param_groups:
            group["lr"] = 0.01 * wanted.discriminator_rate
        count = wanted.discriminator_steps or 2
        for _ in range(count):
            super().discriminator_step()
        self.made.append(count)


def _scored(gan, method, positive, ratio, steps):
    """The events of a run in which all real scores are above 0 or below it, at a given ratio."""
    gan.method, events = method, []
    real = torch.ones(4) if positive else -torch.ones(4)
    for _ in range(steps):
        gan.step += 1
        gan.discriminator_step()
        gan.generator_step()
        events.append(
            method.after_generator_step(
                SPREAD + real - 1, rescore=lambda: real - 1 + ratio, real_scores=lambda: real
            )
        )
    return events


LEVERS = {
    "density": {"density_step": 0.1},
    "learning_rate": {"rate_step": 2.0, "rate_cap": 3.0, "rate_floor": 0.3},
    "steps": {"steps_floor": 1, "steps_cap": 4},
}


@pytest.mark.parametrize("method", [Dda, *in_full(Adapt)])
@pytest.mark.parametrize("lever", LEVERS)
@pytest.mark.parametrize("signal", ["ratio", "sign"])
@pytest.mark.parametrize("weak", [True, False])
def test_every_signal_moves_every_lever_by_either_method(method, lever, signal, weak):
    gan = Obedient()
    own = method(
        *gan.parts, steps=60, control_interval=4, balance_window=4, signal=signal, lever=lever,
        **SETTINGS, **LEVERS[lever],
    )  # fmt: skip
    masks = own.discriminator.masks
    start, total = masks.active, masks.total
    # What the signal that is not looked at says is the opposite.
    positive, ratio = {
        ("ratio", True): (True, 2.0),
        ("ratio", False): (False, 0.1),
        ("sign", True): (False, 0.1),
        ("sign", False): (True, 2.0),
    }[signal, weak]
    events = _scored(gan, own, positive, ratio, 40)
    decisions = [e.decision for e in events if e.decision]
    assert {d.lever for d in decisions} == {lever}
    # Decisions at 4, 8, ...; each that moves something clears the window, which is full again.
    at, expected = {"density": start / total, "learning_rate": 1.0, "steps": 2}[lever], []
    for _ in decisions:
        moved = {
            "density": min(1.0, at + 0.1) if weak else max(0.05, at - 0.1),
            "learning_rate": min(3.0, at * 2) if weak else max(0.3, at / 2),
            "steps": min(4, at + 1) if weak else max(1, at - 1),
        }[lever]
        expected.append((at, moved))
        at = moved
    if lever == "density":
        seen = [active / total for d in decisions for active in (d.from_active, d.to_active)]
        assert seen == pytest.approx(sum(expected, ()), abs=10 / total)
        assert own.requests == Requests()
    else:
        assert sum((d.values for d in decisions), ()) == pytest.approx(sum(expected, ()))
        assert masks.active == start
    names = {True: "raise", False: "lower"}
    assert {d.action for d in decisions if d.moves} == {names[weak]}
    assert {d.action for d in decisions if not d.moves} <= {"hold"}
    if lever == "steps":
        after_each = [2] * 4 + [moved for _, moved in expected for _ in range(4)]
        assert gan.made == after_each[:40]
        assert own.discriminator.steps == sum(gan.made)
    assert not [w for e in events for w in e.warnings if "asks for" in w]


@pytest.mark.parametrize("lever", ["learning_rate", "steps"])
@pytest.mark.parametrize("d_first", [True, *in_full(False)])
@pytest.mark.parametrize("at", [4, *in_full(3, 9)])
def test_a_resumed_lever_stands_where_it_stood(lever, d_first, at):
    settings = {
        "steps": 60, "control_interval": 4, "balance_window": 4, "lever": lever,
        "low": 0.2, "high": 0.3, **SETTINGS,
    }  # fmt: skip
    gan = Obedient(d_first=d_first)
    method = Dda(*gan.parts, **settings)
    gan.run(method, at)
    other = Obedient(d_first=d_first)
    resumed = Dda(*other.parts, **settings)
    other.load(gan.state())
    other.step = gan.step
    resumed.load_state_dict(method.state_dict())
    rest = [one.run(m, 20) for one, m in ((gan, method), (other, resumed))]
    assert str(rest[0]) == str(rest[1])
    assert {e.decision.action for e in rest[0] if e.decision} & {"raise", "lower"}
    require_equal(gan.state(), other.state())
    require_equal(method.state_dict(), resumed.state_dict())


def test_a_loop_that_makes_other_steps_than_it_is_asked_for_is_told_once():
    gan = Obedient(obeys=False)
    method = Dda(
        *gan.parts, steps=60, control_interval=4, balance_window=4, lever="steps", **SETTINGS
    )
    events = gan.run(method, 30, ratio=0.9)
    said = [(e.step, w) for e in events for w in e.warnings]
    assert [step for step, _ in said] == [5]
    assert "StepEvents.requests" in said[0][1]


@pytest.mark.parametrize("lever", ["learning_rate", "steps"])
def test_at_a_fixed_density_the_cap_of_densities_and_growth_are_none_of_it(lever):
    gan = Obedient()
    method = Adapt(
        *gan.parts, steps=60, variant="strict", discriminator_density=0.8, control_interval=4,
        balance_window=4, lever=lever, **SETTINGS,
    )  # fmt: skip
    events = gan.run(method, 40, ratio=0.9)
    assert {c.network for e in events for c in e.changes} <= {"generator"}
    assert not [g for g in method.settings.growths() if g.network == "discriminator"]
    assert "rewire" not in {e.decision.action for e in events if e.decision}
    assert list(method.settings.density_course(60, "up")) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"signal": "gap"}, "signal is 'gap': choose one of ratio, sign"),
        ({"lever": "width"}, "lever is 'width': choose one of density, learning_rate, steps"),
        ({"signal": "sign", "sign_low": 0.9}, r"the band \[0.9, 0.85\] is empty"),
        ({"lever": "steps", "low": 0.9}, "is empty"),
        ({"lever": "learning_rate", "rate_step": 0.5}, "rate_step is 0.5: it must be above 1"),
        ({"lever": "steps", "steps_floor": 11}, "steps_floor 11 and steps_cap 10 must satisfy"),
        ({"lever": "steps", "steps_cap": 2.5}, "steps_cap is 2.5: it must be a whole number"),
    ],
)
def test_controls_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(SparseganError, match=message):
        Dda(*ToyGan().parts, steps=60, control_interval=4, balance_window=4, **SETTINGS, **settings)
