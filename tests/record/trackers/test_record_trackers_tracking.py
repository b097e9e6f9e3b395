import importlib.util
import json
from typing import ClassVar

import pytest
from PIL import Image

from sparsegan.errors import SparseganError
from sparsegan.record.events import read
from sparsegan.record.run import create
from sparsegan.record.trackers import tracking
from sparsegan.record.trackers.tracking import Tracking, numbers, require
from sparsegan.train import loop
from tiny_run import config, differences

TRAIN = {"kind": "train", "generator_loss": 0.5, "steps_per_second": 2, "seconds": 1.5}


def train(step, **fields):
    """The event of some training."""
    return read({**TRAIN, "step": step, **fields})


class Follower:
    """Keeps what it is told, and fails from a step on."""

    look = "look here"
    made: ClassVar = []
    fails_at = None

    def __init__(self, run, config):
        self.rows, self.shown, self.order, self.closed = [], [], [], False
        Follower.made.append(self)

    def numbers(self, step, numbers):
        if self.fails_at is not None and step >= self.fails_at:
            raise OSError("no space left")
        self.rows += [(step, name, number) for name, number in numbers.items()]
        self.order.append(step)

    def picture(self, step, name, path):
        assert path.is_file()
        self.shown.append((step, name))
        self.order.append(name)

    def close(self):
        self.closed = True


@pytest.fixture
def follower(monkeypatch):
    """A tracker of this module in TensorBoard's place."""
    monkeypatch.setattr(Follower, "made", [])
    monkeypatch.setattr(Follower, "fails_at", None)
    monkeypatch.setitem(tracking._MAKERS, "tensorboard", (__name__, "Follower"))
    monkeypatch.setattr(tracking, "require", lambda names: None)
    return Follower


def test_numbers_are_grouped_and_those_that_are_none_are_left_out():
    event = {"generator_loss": float("nan"), "discriminator_density": 0.25, "pair": "a_to_b"}
    assert numbers(train(5, **event)) == {
        "a_to_b/steps_per_second": 2.0,
        "a_to_b/seconds": 1.5,
        "a_to_b/density/discriminator": 0.25,
    }
    evaluation = {"kind": "evaluate", "step": 5, "metric": "kid-patches", "value": 0.1, "low": 0.0}
    evaluation |= {"n": 16, "seconds": 1.0, "recall": 0.5, "bn": "batch", "grid": None}
    assert numbers(read(evaluation)) == {
        "quality/kid-patches": 0.1,
        "quality/low": 0.0,
        "quality/recall": 0.5,
    }
    change = {"kind": "rewire", "step": 5, "network": "generator", "churn": 0.2, "ever_active": 0.4}
    assert numbers(read(change | {"reason": "rewire"})) == {
        "churn/generator": 0.2,
        "ever_active/generator": 0.4,
    }
    assert numbers(read(change | {"reason": "raise"})) == {}
    assert numbers(read({"kind": "of a later version", "step": 5, "a": 1})) == {}


def test_a_number_is_told_once_a_step(tmp_path, follower):
    following = Tracking(["tensorboard"], create(tmp_path / "run"), config("unused"))
    for event in (train(5), train(5, generator_loss=9.0), train(6)):
        following.follow(event)
    [made] = follower.made
    assert [row for row in made.rows if row[1] == "loss/generator"] == [
        (5, "loss/generator", 0.5),
        (6, "loss/generator", 0.5),
    ]


def test_what_was_before_is_told_in_its_order_and_pictures_when_they_are_there(tmp_path, follower):
    run = create(tmp_path / "run")
    lines = (json.dumps({**TRAIN, "step": step}) + "\n" for step in (1, 2, 4))
    run.metrics.write_text("".join(lines))
    for step in (2, 3):
        Image.new("L", (2, 2)).save(run.sample(step))
    following = Tracking(["tensorboard"], run, config("unused"))
    [made] = follower.made
    assert made.order == [1, "samples", 2, "samples", 4]
    run.sample(5, "a_to_b").parent.mkdir()
    Image.new("L", (2, 2)).save(run.sample(5, "a_to_b"))
    following.follow(read({"kind": "balance", "step": 5}))
    assert made.shown == [(2, "samples"), (3, "samples")]
    following.follow(train(5))
    Image.new("L", (2, 2)).save(run.sample(6))
    following.close()
    assert made.shown[2:] == [(5, "a_to_b/samples"), (6, "samples")]
    assert made.order[5:] == ["a_to_b/samples", 5, "samples"]
    assert made.closed


def test_one_that_fails_is_warned_of_once_and_left_alone(tmp_path, follower, monkeypatch, caplog):
    follower.fails_at = 6
    following = Tracking(["tensorboard"], create(tmp_path / "run"), config("unused"))
    for step in range(4, 9):
        following.follow(train(step))
    following.close()
    [said] = caplog.messages
    assert "tensorboard failed (OSError: no space left): the run goes on without it" in said
    [made] = follower.made
    assert {step for step, *_ in made.rows} == {4, 5}
    assert not made.closed


def test_one_that_cannot_begin_is_left_out(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(tracking._MAKERS, "tensorboard", (__name__, "Absent"))
    following = Tracking(["tensorboard"], create(tmp_path / "run"), config("unused"))
    following.follow(train(5))
    assert following.look == []
    assert ["tensorboard failed (AttributeError" in said for said in caplog.messages] == [True]


def test_a_missing_package_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SparseganError, match=r"pip install 'sparsegan\[trackio\]', or leave it"):
        require(["trackio"])
    directory = tmp_path / "run"
    with pytest.raises(SparseganError, match=r"sparsegan\[tensorboard\]"):
        loop.train(config(directory, "--track", "tensorboard"))
    assert not directory.exists()


@pytest.mark.full
def test_a_run_that_is_tracked_from_the_middle_has_the_same_bits(tmp_path, follower, monkeypatch):
    flags = ("--steps", "6", "--log_every", "2", "--engine", "masked")
    alone = loop.train(config(tmp_path / "alone", *flags))
    stopped = config(tmp_path / "tracked", *flags)
    save = loop.save

    def save_and_stop(session):
        save(session)
        if session.games.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        loop.train(stopped)
    monkeypatch.setattr(loop, "save", save)
    run = loop.resume(tmp_path / "tracked", track=["tensorboard"])
    assert "\ntrack: [tensorboard]\n" in run.config.read_text()
    assert differences(alone.load(), run.load()) == []
    [made] = follower.made
    losses = [(step, name) for step, name, _ in made.rows if name == "loss/generator"]
    assert losses == [(step, "loss/generator") for step in (2, 4, 6)]
    assert [step for step, name, _ in made.rows if name == "quality/kid-patches"] == [0, 5, 6]
    assert [step for step, _ in made.shown] == [0, 5, 6]
    assert made.closed


def test_a_finished_run_can_be_shown_afterwards(tmp_path, follower):
    flags = ("--steps", "2", "--log_every", "1", "--engine", "masked")
    run = loop.train(config(tmp_path / "run", *flags))
    assert follower.made == []
    loop.resume(run.path, track=["tensorboard"])
    [made] = follower.made
    assert made.closed
    assert [step for step, name, _ in made.rows if name == "loss/generator"] == [1, 2]
