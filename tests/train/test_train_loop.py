import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from needs import in_full
from sparsegan import data, files
from sparsegan.data import Images
from sparsegan.draw import drawing, sampling
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory, hold
from sparsegan.settings import parse
from sparsegan.train import build, loop
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.stop import Interrupted, StopRequest
from sparsegan.train.trained import open_trained
from tiny_run import config, differences

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never interrupted."""
    return loop.train(config(tmp_path_factory.mktemp("whole") / "run"))


def last(run):
    return load_state(run.checkpoint(run.checkpoint_steps()[-1]))


def stop_after(monkeypatch, step):
    """Have SIGTERM arrive during a step."""
    calls = iter(range(1, 1000))
    number = signal.SIGTERM
    monkeypatch.setattr(
        StopRequest, "agreed", lambda self, fabric: number if next(calls) == step else 0
    )


def events_of(run, but=("seconds", "steps_per_second")):
    return [{k: v for k, v in event.items() if k not in but} for event in read_events(run.metrics)]


def test_a_run_leaves_what_the_design_names(whole):
    names = {path.name for path in whole.path.iterdir()}
    assert names == {
        "config.yaml", "metrics.jsonl", "cost.json", "checkpoints", "samples", "report.html",
    }  # fmt: skip
    kinds = [event["kind"] for event in read_events(whole.metrics)]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert {"train", "balance", "decision", "rewire", "evaluate"} <= set(kinds)
    for step in (0, 5, 10, 14):
        with Image.open(whole.sample(step)) as picture:
            assert picture.size == (56, 56)
    cost = json.loads(whole.cost.read_text())
    assert cost["flops"]["consistent"]["run"] < cost["flops"]["consistent"]["dense"]
    config_ = yaml.safe_load(whole.config.read_text())
    assert config_["data"] == {
        "source": "fashion-mnist", "path": None, "image_size": 28, "channels": 1, "flip": False,
        "classes": None, "held_out": None, "skip_broken": 0,
    }  # fmt: skip


def test_events_say_what_is_in_the_masks(whole):
    events = list(read_events(whole.metrics))
    masks = last(whole)["method"]
    for name in ("generator", "discriminator"):
        rewired = [e for e in events if e["kind"] == "rewire" and e["network"] == name]
        active = sum(row[2] for row in rewired[-1]["layers"])
        flat = [v for k, v in _tensors(masks[name]["masks"]) if v.dtype == torch.bool]
        assert rewired[-1]["active"] == active
        assert flat or masks[name]["masks"]
    evaluated = [e["step"] for e in events if e["kind"] == "evaluate"]
    assert evaluated == [0, 5, 10, 14]
    trained = [e["step"] for e in events if e["kind"] == "train"]
    assert trained == [5, 10, 14]


def _tensors(value, name=""):
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors(item, f"{name}/{key}")


def test_the_newest_and_the_best_checkpoints_are_kept(whole):
    steps = whole.checkpoint_steps()
    assert steps[-1] == 14
    assert len(steps) <= 3
    assert whole.best_step() in steps


@pytest.mark.parametrize("step", [5, *in_full(1, 8, 14)])
def test_stopped_and_resumed_is_as_if_never_stopped(whole, tmp_path, monkeypatch, step):
    with monkeypatch.context() as context:
        stop_after(context, step)
        with pytest.raises(Interrupted) as stopped:
            loop.train(config(tmp_path / "run"))
    assert stopped.value.signal == signal.SIGTERM
    run = RunDirectory(stopped.value.run)
    assert not run.is_finished()
    torch.rand(5)
    run = loop.resume(run.path)
    assert differences(last(run), last(whole)) == []
    assert events_of(run) == events_of(whole)
    assert run.is_finished()


@pytest.mark.full
def test_a_run_that_ended_on_a_full_disk_is_resumed_to_the_same_bits(whole, tmp_path, monkeypatch):
    write, written = files.atomic_write_bytes, []

    def full(path, data):
        written.append(path)
        if len(written) == 3:
            raise files.WriteError(f"cannot write {path} (No space left on device)")
        write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr("sparsegan.record.checkpoint.atomic_write_bytes", full)
        with pytest.raises(SparseganError, match="No space left"):
            loop.train(config(tmp_path / "run"))
    resumed = loop.resume(tmp_path / "run")
    assert differences(last(resumed), last(whole)) == []


def test_looking_changes_nothing(whole, tmp_path):
    flags = ["--evaluate.images", "0", "--sample.every", "0", "--log_every", "1"]
    blind = loop.train(config(tmp_path / "run", *flags))
    assert differences(last(blind), last(whole)) == []


LAST = ["--method.faithful", "[evaluation_last]", "--checkpoint.every", "4"]
LAST += ["--checkpoint.keep", "9", "--evaluate.every", "4", "--sample.every", "4"]


@pytest.fixture(scope="module")
def judged_last(tmp_path_factory):
    """A run that is evaluated after the rewirings (at 4, 8, 12) and averages of its steps."""
    return loop.train(config(tmp_path_factory.mktemp("last") / "run", *LAST))


@pytest.mark.full
def test_a_faithful_evaluation_is_of_the_masks_and_averages_that_its_step_leaves(
    whole, judged_last, tmp_path
):
    assert set(differences(last(judged_last), last(whole))) == {"/settings/method.faithful/0"}
    events = [event for event in read_events(judged_last.metrics) if event["kind"] == "evaluate"]
    assert [event["step"] for event in events] == [0, 4, 8, 12, 14]
    for event in events:
        at = event["step"]
        [repeated] = evaluate_run(judged_last.path, checkpoint=judged_last.checkpoint(at))
        assert (repeated.value, repeated.frechet) == (event["value"], event["frechet"])
        trained = open_trained(judged_last.path, judged_last.checkpoint(at))
        with sampling.sampled(trained.method) as generator:
            drawing.save_grid(generator, tmp_path / "grid.png", 4, columns=2, seed=0)
        assert (tmp_path / "grid.png").read_bytes() == judged_last.sample(at).read_bytes()


@pytest.mark.full
def test_by_default_an_evaluation_is_of_the_masks_that_its_step_was_trained_with(
    judged_last, tmp_path
):
    first = loop.train(config(tmp_path / "run", *LAST, "--method.faithful", "[]"))
    evaluated = [
        {e["step"]: e["value"] for e in read_events(run.metrics) if e["kind"] == "evaluate"}
        for run in (first, judged_last)
    ]
    same = {step for step, value in evaluated[0].items() if evaluated[1][step] == value}
    assert same == {0, 14}
    kinds = [e["kind"] for e in read_events(first.metrics) if e["step"] == 4]
    assert kinds.index("evaluate") < kinds.index("rewire")
    kinds = [e["kind"] for e in read_events(judged_last.metrics) if e["step"] == 4]
    assert kinds.index("evaluate") > kinds.index("rewire")


@pytest.mark.full
@pytest.mark.parametrize("step", [4, 7, 14])
def test_a_run_that_is_evaluated_last_is_resumed_to_the_same_bits(
    judged_last, tmp_path, monkeypatch, step
):
    with monkeypatch.context() as context:
        stop_after(context, step)
        with pytest.raises(Interrupted):
            loop.train(config(tmp_path / "run", *LAST))
    run = loop.resume(tmp_path / "run")
    assert differences(last(run), last(judged_last)) == []
    assert events_of(run) == events_of(judged_last)
    for at in (0, 4, 8, 12, 14):
        assert run.sample(at).read_bytes() == judged_last.sample(at).read_bytes()


@pytest.mark.full
def test_going_back_forgets_what_came_later(whole, tmp_path, monkeypatch):
    run = loop.train(config(tmp_path / "run", "--checkpoint.keep", "9"))
    seen = []
    steps = loop.steps
    monkeypatch.setattr(
        loop, "steps", lambda session: (seen.append(run.checkpoint_steps()), steps(session))
    )
    loop.resume(run.path, checkpoint=run.checkpoint(4))
    assert seen == [[0, 4]]
    assert differences(last(run), last(whole)) == []
    assert events_of(run) == events_of(whole)


def test_a_damaged_newest_checkpoint_is_named_and_left(whole, tmp_path, monkeypatch):
    stop_after(monkeypatch, 9)
    with pytest.raises(Interrupted):
        loop.train(config(tmp_path / "run"))
    run = RunDirectory(tmp_path / "run")
    newest = run.newest_checkpoint()
    content = newest.read_bytes()
    newest.write_bytes(content[:-5])
    before = run.metrics.read_bytes()
    with pytest.raises(SparseganError, match=rf"{newest.name} is damaged.*--checkpoint PATH"):
        loop.resume(run.path)
    assert run.metrics.read_bytes() == before
    monkeypatch.undo()
    run = loop.resume(run.path, checkpoint=run.checkpoint(8))
    assert differences(last(run), last(whole)) == []


def test_other_settings_are_refused(tmp_path, monkeypatch):
    stop_after(monkeypatch, 2)
    with pytest.raises(Interrupted):
        loop.train(config(tmp_path / "run"))
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    for flags, sentence in [
        (["--optimiser.generator.lr", "0.001"], "with optimiser.generator.lr 0.0002 and .* 0.001"),
        (["--steps", "1"], "has done 2 steps and cannot end after 1"),
        (["--method.name", "static"], "with method.name adapt and config.yaml has static"),
    ]:
        parse.write(tmp_path / "run" / "config.yaml", config(tmp_path / "run", *flags))
        with pytest.raises(SparseganError, match=sentence):
            loop.resume(tmp_path / "run", inexact=True)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


def test_other_data_are_refused(tmp_path, monkeypatch):
    stop_after(monkeypatch, 2)
    with pytest.raises(Interrupted):
        loop.train(config(tmp_path / "run"))
    images = data.load("fashion-mnist")
    other = data.Images(images.pixels.flip(0), None, (), "other")
    monkeypatch.setattr(build, "load_images", lambda config: other)
    with pytest.raises(SparseganError, match="images of other are not those"):
        loop.resume(tmp_path / "run")


def test_a_checkpoint_without_masks_is_refused(tmp_path, monkeypatch):
    stop_after(monkeypatch, 2)
    with pytest.raises(Interrupted):
        loop.train(config(tmp_path / "run"))
    run = RunDirectory(tmp_path / "run")
    state = load_state(run.newest_checkpoint())
    del state["method"]["generator"]["masks"]
    save_state(run.newest_checkpoint(), state)
    with pytest.raises(SparseganError, match="lacks the generator's masks"):
        loop.resume(run.path)


def test_divergence_leaves_the_run_to_be_looked_at(tmp_path):
    flags = ["--optimiser.generator.lr", "1e30", "--evaluate.images", "0", "--sample.every", "0"]
    with pytest.raises(SparseganError, match=r"diverged at step \d+"):
        loop.train(config(tmp_path / "run", *flags))
    run = RunDirectory(tmp_path / "run")
    assert load_state(run.newest_checkpoint())["step"] == 0
    assert next(read_events(run.metrics))["kind"] == "start"


def test_nothing_is_written_for_settings_that_cannot_work(tmp_path):
    for flags, sentence in [
        (["--network.name", "dcgam"], "dcgan"),
        (["--method.generator_density", "1.5"], "density"),
        (["--batch_size", "10000"], "only 9000 images"),
        (["--data.source", "folder"], "path"),
        (["--fabric.accelerator", "mps"], "fabric.accelerator"),
        (["--network.name", "biggan"], "does not make images of 28 pixels: choose image_size 32"),
        (["--data.classes", "[boots]"], "no class boots: did you mean .*boot"),
        (["--evaluate.features", "nowhere:Net"], "names the module nowhere, and there is no"),
        (["--evaluate.images", "1"], "evaluate.images is 1: an evaluation needs two"),
        (["--evaluate.bn", "stored"], "the average has none of its own"),
    ]:
        with pytest.raises(SparseganError, match=sentence):
            loop.train(config(tmp_path / "run", *flags))
    assert list(tmp_path.iterdir()) == []


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    stop_after(monkeypatch, 1)
    with pytest.raises(Interrupted) as stopped:
        loop.train(config("~/run", "--evaluate.images", "0"))
    assert stopped.value.run == tmp_path / "run"


def test_a_run_is_never_written_over(whole):
    before = whole.metrics.read_bytes()
    with pytest.raises(SparseganError, match="is not empty"):
        loop.train(config(whole.path))
    assert whole.metrics.read_bytes() == before


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(whole, tmp_path):
    run = RunDirectory(tmp_path / "run")
    parse.write(run.config, parse.read(whole.config))
    run.metrics.write_bytes(whole.metrics.read_bytes().split(b"\n")[0] + b"\n{")
    loop.resume(run.path)
    assert differences(last(run), last(whole)) == []
    assert events_of(run) == events_of(whole)


def test_a_run_that_begins_anew_has_the_length_that_was_asked_for(whole, tmp_path):
    run = RunDirectory(tmp_path / "run")
    parse.write(run.config, parse.read(whole.config))
    loop.resume(run.path, steps=5)
    assert (parse.read(run.config).steps, run.end_step()) == (5, 5)
    loop.resume(run.path)


def test_trackers_that_are_named_twice_are_refused_before_anything_is_written(whole, tmp_path):
    run = copied(whole, tmp_path)
    before = content(run)
    with pytest.raises(SparseganError, match="name every tracker once at most"):
        loop.resume(run.path, track=["tensorboard", "tensorboard"])
    assert content(run) == before


def test_a_run_whose_checkpoints_are_lost_is_told_how_to_begin(whole, tmp_path):
    run = RunDirectory(tmp_path / "run")
    parse.write(run.config, parse.read(whole.config))
    shutil.copy(whole.metrics, run.metrics)
    with pytest.raises(SparseganError, match="no checkpoint yet"):
        loop.resume(run.path)
    assert run.metrics.read_bytes() == whole.metrics.read_bytes()


def test_a_run_that_is_trained_is_left_alone(whole, tmp_path):
    run = copied(whole, tmp_path)
    lock = hold(run)
    before = content(run)
    with pytest.raises(SparseganError, match="is being trained by another process"):
        loop.resume(run.path, checkpoint=8)
    with pytest.raises(SparseganError, match="is being trained by another process"):
        loop.train(config(run.path))
    assert content(run) == before
    lock.release()


@pytest.mark.parametrize(
    "missing", ["all", "cost", *in_full("report", "end", "evaluation", "checkpoint")]
)
def test_what_is_missing_of_a_runs_end_is_made(whole, tmp_path, missing):
    run = copied(whole, tmp_path)
    lines = run.metrics.read_bytes().splitlines(keepends=True)
    if missing in ("report", "all"):
        run.report.unlink()
    if missing in ("cost", "all"):
        run.cost.unlink()
    if missing in ("end", "evaluation", "all"):
        run.metrics.write_bytes(b"".join(lines[: -1 if missing == "end" else -2]))
    if missing in ("checkpoint", "all"):
        run.checkpoint(14).unlink()
    loop.resume(run.path)
    assert run.is_finished()
    assert run.cost.is_file()
    assert "finished after 14 steps" in run.report.read_text()
    assert differences(last(run), last(whole)) == []
    assert events_of(run) == events_of(whole)


def test_a_refused_resume_changes_nothing(whole, tmp_path, monkeypatch):
    def edit(old, new):
        return lambda run: run.config.write_text(run.config.read_text().replace(old, new))

    for damage, sentence, options in [
        (lambda run: os.truncate(run.metrics, 500), "has 500 bytes", {}),
        (lambda run: run.metrics.unlink(), "is missing", {}),
        (edit("seed: 0", "seed: 1"), "seed 0", {}),
        (edit("threads: 1", "threads: 2"), "threads", {}),
        (lambda _: None, "no checkpoint of step 5", {"checkpoint": 5}),
        (lambda _: None, "cannot become a run of 20: .*method.drop_shape", {"steps": 20}),
        (lambda _: monkeypatch.setattr(Images, "fingerprint", "other"), "not those that", {}),
    ]:
        run = copied(whole, tmp_path)
        damage(run)
        before = content(run)
        with pytest.raises(SparseganError, match=sentence):
            loop.resume(run.path, **({"checkpoint": run.checkpoint_steps()[1]} | options))
        assert content(run) == before


RUBBISH = {
    "lost": lambda lines: None,
    "cut off": lambda lines: b"".join(lines)[:700],
    "no event": lambda lines: b"".join([*lines[:3], b'{"kind": 3}\n', *lines[3:]]),
    "a byte": lambda lines: b"".join(lines).replace(b"balance", b"bal\xffnce", 1),
    "no start": lambda lines: b"".join(lines[1:]),
}


@pytest.mark.parametrize("damage", ["lost", "a byte", *in_full("cut off", "no event", "no start")])
def test_a_damaged_log_is_named_and_repaired(whole, tmp_path, damage):
    run = copied(whole, tmp_path)
    damaged = RUBBISH[damage](whole.metrics.read_bytes().splitlines(keepends=True))
    run.metrics.unlink()
    if damaged is not None:
        run.metrics.write_bytes(damaged)
    newest = run.checkpoint(14)
    before = content(run)
    with pytest.raises(SparseganError, match="--repair"):
        loop.resume(run.path, checkpoint=newest)
    assert content(run) == before
    loop.resume(run.path, checkpoint=newest, repair=True)
    assert differences(last(run), last(whole)) == []
    events = list(read_events(run.metrics))
    assert [event["kind"] for event in events][:1] == ["start"]
    assert [event["kind"] for event in events][-1] == "end"
    assert sum(event["kind"] == "repair" for event in events) == 1
    weights = [json.loads(each.cost.read_text())["weights"] for each in (run, whole)]
    assert weights[0] == weights[1]
    assert "a part of metrics.jsonl was lost" in run.report.read_text()


def test_a_log_that_is_there_twice_is_cut_back(whole, tmp_path):
    run = copied(whole, tmp_path)
    run.metrics.write_bytes(2 * whole.metrics.read_bytes())
    run.cost.unlink()
    loop.resume(run.path)
    assert events_of(run) == events_of(whole)


def test_rubbish_in_a_finished_runs_log_is_left_out(whole, tmp_path):
    run = copied(whole, tmp_path)
    before = content(run)
    run.metrics.write_bytes(b"[]\n" + run.metrics.read_bytes())
    loop.resume(run.path)
    assert "1 line" in run.report.read_text()
    loop.resume(run.path, repair=True)
    *events, repaired = events_of(run)
    assert events == events_of(whole)
    assert repaired["kind"] == "repair"
    but = {"metrics.jsonl", "report.html"}
    assert {k: v for k, v in content(run).items() if k not in but} == {
        k: v for k, v in before.items() if k not in but
    }


@pytest.mark.full
def test_a_run_is_made_longer_as_if_it_had_been(tmp_path):
    flags = ["--method.name", "static", "--evaluate.every", "0", "--sample.every", "0"]
    long = loop.train(config(tmp_path / "long", *flags))
    run = loop.train(config(tmp_path / "run", *flags, "--steps", "6"))
    loop.resume(run.path, steps=14)
    assert differences(last(run), last(long)) == []
    assert "finished after 14 steps" in run.report.read_text()
    evaluated = [e["step"] for e in read_events(run.metrics) if e["kind"] == "evaluate"]
    assert evaluated == [0, 6, 14]
    assert parse.read(run.config) == replace(
        parse.read(long.config), run=parse.read(run.config).run
    )
    by_hand = loop.train(config(tmp_path / "hand", *flags, "--steps", "6"))
    text = by_hand.config.read_text()
    by_hand.config.write_text(text.replace("steps: 6", "steps: 14", 1))
    loop.resume(by_hand.path)
    assert differences(last(by_hand), last(long)) == []


def copied(whole, tmp_path):
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    return RunDirectory(Path(shutil.copytree(whole.path, tmp_path / "run")))


def content(run):
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("*")
        if path.is_file() and path != run.lock
    }
