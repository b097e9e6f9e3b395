"""A run that does not learn any more says so, and stops where it is asked to."""

import dataclasses
import json

import pytest
from torch import nn

import tiny_run
from health_events import evaluation
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog
from sparsegan.record.run import RunDirectory
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.loop import resume, train
from sparsegan.train.progress import ProgressDisplay
from sparsegan.train.watching import FailingError, Watching


class Silent(nn.Module):
    """A discriminator that scores everything nearly alike, with gradients that never change."""

    def __init__(self, image_size=32, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)

    def forward(self, x):
        return self.conv(x).mean((1, 2, 3)) * 1e-9


def lines(run):
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def said(run):
    return [line["message"] for line in lines(run) if line["kind"] == "warning"]


def dead(directory, *flags):
    own = ["--network.discriminator", "test_train_watching:Silent", "--log_every", "1"]
    # Without evaluations: the samples of so few steps are all alike.
    return tiny_run.config(directory, *own, "--steps", "16", "--evaluate.images", "0", *flags)


def test_a_run_that_stands_still_is_noticed_and_trained_on(tmp_path):
    run = train(dead(tmp_path / "run"))
    assert sum("loss stands still at 2" in message for message in said(run)) == 1
    assert lines(run)[-1]["kind"] == "end"


def test_it_stops_where_it_is_asked_to_and_can_go_on(tmp_path):
    config = dead(tmp_path / "run", "--when_failing", "stop")
    with pytest.raises(FailingError, match=r"stopped after step 12: the discriminator's loss") as e:
        train(config)
    assert str(tmp_path / "run") in str(e.value)
    assert (tmp_path / "run" / "report.html").is_file()
    run = resume(tmp_path / "run")  # what was said is not said again, and stops nothing
    assert lines(run)[-1]["kind"] == "end"
    assert sum("stands still" in message for message in said(run)) == 1


class Mute(Silent):
    """A discriminator that has no gradients from the first step on."""

    def forward(self, x):
        return super().forward(x) * 0


def test_a_run_that_is_dead_from_the_first_step_stops_at_once(tmp_path):
    mute = ["--network.discriminator", "test_train_watching:Mute"]
    with pytest.raises(FailingError, match=r"stopped after step 4: the generator's gradients"):
        train(dead(tmp_path / "run", "--when_failing", "stop", *mute))


def test_a_run_that_goes_well_is_left_alone(tmp_path, monkeypatch):
    values = iter([9.0, 7.0, 6.0, 6.5, 5.0])
    monkeypatch.setattr(
        Evaluator, "__call__", lambda *_: vars_of(evaluation(0, next(values), 0.8, copies=0.1))
    )
    flags = ["--when_failing", "stop", "--evaluate.every", "4"]
    flags += ["--method.interval", "4", "--method.control_interval", "6"]
    run = train(tiny_run.config(tmp_path / "run", *flags))
    assert lines(run)[-1]["kind"] == "end"
    assert len([line for line in lines(run) if line["kind"] == "evaluate"]) == 5
    assert said(run) == []


def test_findings_go_where_people_look(tmp_path):
    config = tiny_run.config(tmp_path / "run")
    journal = Journal(MetricsLog(tmp_path / "metrics.jsonl"))
    shown = []
    display = ProgressDisplay(None, 10, 0)
    display.say = shown.append
    watching = Watching(config, journal, display)
    for n, spread in enumerate([0.5, 0.1, 0.01]):
        journal.write(evaluation(config.steps - 3 + n, 9.0 - n, spread))
    assert len(shown) == 1
    assert shown[0].startswith(f"step {config.steps - 1}: the samples are all alike")
    assert watching.gives_up(None) == ""  # it warns and no more


def test_it_goes_back_to_its_best_checkpoint_where_it_is_asked_to(tmp_path, monkeypatch):
    flags = ["--when_failing", "back", "--checkpoint.every", "2", "--checkpoint.keep", "9"]
    config = dead(tmp_path / "run", *flags, "--evaluate.images", "8", "--evaluate.every", "4")
    values = iter([9.0, 5.0, 7.0, 8.0])
    monkeypatch.setattr(Evaluator, "__call__", lambda *_: vars_of(evaluation(0, next(values), 0.8)))
    with pytest.raises(FailingError, match=r"best checkpoint, of step 4: `sparsegan train --from"):
        train(config)
    run = RunDirectory(tmp_path / "run")
    assert run.checkpoint_steps()[-1] == 4
    assert lines(run)[-1]["step"] == 12  # what happened is not forgotten
    assert (tmp_path / "run" / "report.html").is_file()


def test_without_a_best_checkpoint_it_stops_where_it_is(tmp_path):
    with pytest.raises(FailingError, match="its state is saved"):
        train(dead(tmp_path / "run", "--when_failing", "back"))
    assert RunDirectory(tmp_path / "run").checkpoint_steps()[-1] == 12


def vars_of(event):
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {k: v for k, v in fields.items() if k not in ("step", "game", "bn", "weights", "grid")}
