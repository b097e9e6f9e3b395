import pytest
import torch

from sparsegan.plan import pilot
from sparsegan.plan.pilot import Pilot, Pilots
from sparsegan.train.learner import DivergedError
from tiny_run import config

LONGER = "; longer where the discriminator becomes denser"


def test_a_pilot_times_steps_and_evaluations_and_leaves_nothing(tmp_path):
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    pilots = Pilots(0.0)
    seconds = pilots.of(config(tmp_path / "run"))
    assert seconds.step > 0
    assert seconds.evaluation > 0
    assert seconds.drawn == 10 * 9000
    assert not (tmp_path / "run").exists()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), random)


def test_evaluations_that_are_alike_are_timed_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(pilot, "_seconds", lambda *_: calls.append(1) or 9.0)
    pilots = Pilots(0.0)
    for method in ("dense", "adapt"):
        assert pilots.of(config(tmp_path, "--method.name", method)).evaluation == 9.0
    assert len(calls) == 1
    assert pilots.of(config(tmp_path, "--evaluate.images", "0")).evaluation == 0.0


def test_seconds_add_up():
    assert Pilot(2.0, 10.0).seconds(3, 4) == 46.0


def test_how_long_a_run_takes_is_told_by_a_small_evaluation(tmp_path, monkeypatch):
    monkeypatch.setattr(pilot, "_seconds", lambda *_: 9.0)
    line = pilot.takes(config(tmp_path / "run", "--evaluate.images", "16"))
    assert line.endswith("and 4 evaluations of 9 s or less" + LONGER)
    monkeypatch.setattr(pilot, "FEW_TO_TIME", 8)
    assert pilot.takes(config(tmp_path / "run")).endswith("of 18 s or less" + LONGER)
    # Of few pictures an evaluation draws no more than ten times as many.
    few = Pilot(0.5, 9.0, drawn=12)  # twelve where eight were timed
    monkeypatch.setattr(Pilots, "of", lambda *_: few)
    line = pilot.takes(config(tmp_path / "run", "--evaluate.images", "800"))
    assert line.endswith("of 14 s or less" + LONGER)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("first", "later", "steps"), [(21.0, 6.0, [1]), (7.0, 6.0, [1, 2]), (4.0, 6.0, [1, 2, 3, 4])]
)
def test_slow_steps_are_measure_enough(first, later, steps, tmp_path, monkeypatch):
    taken = []

    def step(games, batches, number):
        taken.append(number)
        return first if number == 1 else later

    monkeypatch.setattr(pilot, "step_seconds", step)
    monkeypatch.setattr(pilot, "_seconds", lambda *_: pytest.fail("an evaluation was timed"))
    timed = Pilots(0.0, patience=5.0).of(config(tmp_path / "run"))
    assert (timed.step, timed.evaluation) == (first if len(steps) == 1 else later, 0.0)
    assert taken == steps


def test_a_first_step_that_was_slow_for_once_is_no_measure(tmp_path, monkeypatch):
    monkeypatch.setattr(pilot, "step_seconds", lambda *step: 7.0 if step[2] == 1 else 0.5)
    monkeypatch.setattr(pilot, "_seconds", lambda *_: 9.0)
    assert pilot.takes(config(tmp_path / "run", "--evaluate.images", "16")).endswith(
        "14 steps of 500 ms and 4 evaluations of 9 s or less" + LONGER
    )


def test_evaluations_that_were_not_timed_are_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(pilot, "step_seconds", lambda *_: 6.0)
    line = pilot.takes(config(tmp_path / "run"))
    assert line.endswith("14 steps of 6000 ms and 4 evaluations, which are not counted" + LONGER)
    alone = pilot.takes(config(tmp_path / "run", "--evaluate.images", "0"))
    assert alone.endswith("14 steps of 6000 ms" + LONGER)
    fixed = pilot.takes(config(tmp_path / "run", "--evaluate.images", "0", "--method.name", "sdst"))
    assert fixed.endswith("14 steps of 6000 ms")


def test_a_trial_that_fails_is_a_sentence(tmp_path, monkeypatch):
    def diverge(*_):
        raise DivergedError("the generator diverged at step 1:\nits loss is nan")

    monkeypatch.setattr(pilot, "step_seconds", diverge)
    line = pilot.takes(config(tmp_path / "run"))
    assert line == (
        "time      not known, since a trial failed: the generator diverged at step 1: "
        "its loss is nan"
    )
