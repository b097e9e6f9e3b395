import json
import signal

import pytest
import torch
import yaml
from PIL import Image
from tiny_run import config, differences

from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train import build, loop, parse, sampling
from sparsegan.train.checkpoint import load_state, save_state
from sparsegan.train.metrics_log import read_events
from sparsegan.train.run import RunDirectory
from sparsegan.train.stop import Interrupted, StopRequest


@pytest.fixture(scope="module", autouse=True)
def _few_standing_batches():
    """64 batches before every look would take most of a tiny run's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "STANDING_BATCHES", 4)
        yield


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
        "classes": None,
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


@pytest.mark.parametrize("step", [1, 5, 8, 14])
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


def test_looking_changes_nothing(whole, tmp_path):
    flags = ["--evaluate.images", "0", "--sample.every", "0", "--log_every", "1"]
    blind = loop.train(config(tmp_path / "run", *flags))
    assert differences(last(blind), last(whole)) == []


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
        (["--steps", "20"], "with steps 14 and config.yaml has 20"),
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
    found = data.load("fashion-mnist")
    other = data.Images(found.pixels.flip(0), None, (), "other")
    monkeypatch.setattr(build, "images", lambda config: other)
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
        (["--evaluate.images", "1"], "1 generated images are to be compared"),
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


def test_a_run_without_a_checkpoint_is_told_how_to_begin(tmp_path):
    parse.write(tmp_path / "config.yaml", config(tmp_path))
    with pytest.raises(SparseganError, match="no checkpoint yet"):
        loop.resume(tmp_path)
