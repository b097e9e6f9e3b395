import shutil

import pytest
import torch
import yaml

from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.settings import parse
from sparsegan.sparsity import Masks
from sparsegan.train import loop
from sparsegan.train.start import settings_of
from sparsegan.train.trained import open_trained
from tiny_run import config, differences, flat

BLIND = ["--evaluate.images", "0", "--sample.every", "0", "--steps", "6", "--checkpoint.keep", "9"]


pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each method that the others begin from."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: loop.train(config(folder / name, *BLIND, "--method.name", name))
        for name in ("adapt", "dense")
    }


def begun(run, tmp_path, *flags):
    """The first checkpoint of a run that begins with another's last, and what was told."""
    settings = config(tmp_path / "new", *BLIND, "--start.run", str(run.path), *flags)
    new = loop.train(settings)
    messages = [
        e["message"] for e in read_events(new.metrics) if e["kind"] == "warning" and not e["step"]
    ]
    messages = [text for text in messages if "never happens" not in text]  # in so few steps
    return new, load_state(new.checkpoint(0)), messages


def masks_of(run, step):
    method = open_trained(run.path, step).method
    return {name: network.masks for name, network in method.networks.items()}


def test_the_same_method_begins_with_all_that_was_trained(runs, tmp_path):
    old = load_state(runs["adapt"].checkpoint(6))
    _, first, messages = begun(runs["adapt"], tmp_path)
    assert differences(first["networks"], old["networks"]) == []
    assert differences(first["method"]["ema"], old["method"]["ema"]) == []
    for name in ("generator", "discriminator"):
        theirs, ours = (state["method"][name]["masks"] for state in (old, first))
        assert torch.equal(theirs["active"], ours["active"])
        assert torch.equal(ours["ever_active"], ours["active"])
    assert first["method"]["step"] == first["step"] == 0
    moments = [v for _, v in flat(first["optimisers"]) if isinstance(v, torch.Tensor)]
    assert not any(tensor.any() for tensor in moments)
    assert messages == [f"begins with the weights of {runs['adapt'].path}, step 6"]


def test_a_dense_network_keeps_its_largest_weights_layer_by_layer(runs, tmp_path):
    dense = open_trained(runs["dense"].path).method.generator
    new, _, messages = begun(runs["dense"], tmp_path, "--method.name", "adapt")
    masks = masks_of(new, 0)["generator"]
    module = open_trained(new.path, 0).method.generator.module
    drawn = Masks(module, 0.3, include="adapt")
    assert masks.counts() == drawn.counts()
    total = 0
    for layer, trained in zip(masks.layers, dense.masks.layers, strict=True):
        weights, mask = trained.parameter.detach(), masks[layer.name]
        total += weights.numel()
        left_out = weights.masked_fill(mask, 0).abs().max()  # of a full layer none
        assert weights[mask].abs().min() >= left_out
        assert torch.equal(layer.parameter.detach(), weights * mask)
    assert f"of the {total:,} trained weights of the generator" in messages[1]
    assert f"{total - masks.active:,} are set to zero" in messages[1]


def test_a_layers_density_by_hand_goes_before_the_old_mask(runs, tmp_path):
    old = masks_of(runs["adapt"], 6)["generator"]
    name = old.names[0]
    density = old.counts()[name] / old.sizes()[name] * 0.9
    flag = f"--method.layer_densities=[generator.{name}={density:.6f}]"
    new, _, messages = begun(runs["adapt"], tmp_path, flag)
    after = masks_of(new, 0)["generator"]
    assert after.counts()[name] == pytest.approx(old.counts()[name] * 0.9, abs=1)
    assert after.active == old.active
    assert any("are set to zero" in text for text in messages)
    kept = after.flat & old.flat
    assert int(kept.sum()) >= after.active - old.counts()[name]


def test_a_denser_mask_keeps_all_and_says_what_was_not_trained(runs, tmp_path):
    before = masks_of(runs["adapt"], 6)["generator"]
    new, _, messages = begun(runs["adapt"], tmp_path, "--method.generator_density", "0.5")
    after = masks_of(new, 0)["generator"]
    grown = int((after.flat & ~before.flat).sum())
    lost = int((before.flat & ~after.flat).sum())
    assert any(
        f"{grown:,} weights in the mask of the generator were not trained" in t for t in messages
    )
    assert lost == 0 or any(f"{lost:,} are set to zero" in t for t in messages)
    assert not any(after.weights()[after.flat & ~before.flat].tolist())


def test_the_new_run_needs_the_old_one_no_more(runs, tmp_path):
    shutil.copytree(runs["adapt"].path, tmp_path / "old")
    settings = config(
        tmp_path / "new", *BLIND, "--start.run", str(tmp_path / "old"), "--start.checkpoint", "4"
    )
    new = loop.train(settings)
    whole = load_state(new.checkpoint(6))
    shutil.rmtree(tmp_path / "old")
    loop.resume(new.path, checkpoint=4)
    assert differences(load_state(new.checkpoint(6)), whole) == []
    named = parse.read(new.config).start
    assert (named.run, named.checkpoint) == (str(tmp_path / "old"), "4")
    assert len(named.sha256) == 64


def test_what_cannot_be_begun_with_is_refused_before_anything_is_written(runs, tmp_path):
    path = str(runs["adapt"].path)
    for flags, sentence in [
        (["--network.generator_width", "3"], "another generator .* has its networks"),
        (["--network.discriminator_width", "4"], "another discriminator"),
        (["--start.checkpoint", "5"], "no checkpoint of step 5.* 0, 4, 6"),
        (["--start.checkpoint", "best"], "nothing has been evaluated"),
        (["--start.sha256", "ab" * 32], "is not the checkpoint that start.sha256 names"),
        (["--start.run", str(tmp_path / "nowhere")], "there is no run directory"),
    ]:
        with pytest.raises(SparseganError, match=sentence):
            loop.train(config(tmp_path / "new", *BLIND, "--start.run", path, *flags))
    assert list(tmp_path.iterdir()) == []


def test_the_settings_of_the_other_run_are_the_new_ones(runs):
    run = runs["adapt"]
    values = yaml.safe_load(run.config.read_text())
    del values["run"], values["start"]
    assert settings_of(run.path, []).values == values
    other = settings_of(run.path, ["--data.path=pictures"]).values
    assert other["data"].keys() == values["data"].keys() - {
        *("source", "path", "classes", "held_out", "skip_broken")
    }
