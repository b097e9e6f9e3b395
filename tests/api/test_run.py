"""A run as an object gives what the commands give."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cycle_run
import sparsegan
from sparsegan import cli
from sparsegan.errors import SparseganError
from sparsegan.train import loop
from sparsegan.train.cycle import translation


def test_it_says_where_it_stands(run):
    assert (run.step, run.finished, run.config.method.name) == (6, True, "adapt")
    assert "adapt, step 6 of 6, finished, distance" in repr(run)
    assert run._repr_html_().count("<img") == 1
    assert repr(sparsegan.open_run(run.directory)) == repr(run)


def test_its_samples_are_those_of_the_command(run):
    picture = run.sample(9, seed=3)
    assert (
        cli.main(["sample", str(run.directory), "--grid", "g.png", "--count", "9", "--seed", "3"])
        == 0
    )
    with Image.open("g.png") as drawn:
        # Batch normalisation is folded here into plain layers of the same statistics.
        difference = np.asarray(drawn, dtype=int) - np.asarray(picture, dtype=int)
    assert np.abs(difference).max() <= 1
    assert run.images(5, seed=3).shape == (5, 1, 28, 28)
    assert not torch.equal(run.images(5, checkpoint=0), run.images(5))


def test_its_generator_draws_and_is_built_once(run):
    generator = run.generator
    assert generator is run.generator
    assert not generator.training
    images = generator(torch.randn(2, generator.latent_dim))
    assert images.shape == (2, 1, 28, 28)
    assert not images.requires_grad
    assert images.abs().max() <= 1
    active = run.trained().method.generator.masks.density
    assert active == pytest.approx(0.3, abs=0.01)


def test_its_numbers_are_those_of_its_files(run):
    last = run.events("evaluate")[-1]
    again = run.evaluate()
    assert (again.value, again.floor, again.n) == (last["value"], last["floor"], 8)
    assert {event["kind"] for event in run.events()} >= {"start", "train", "balance", "end"}
    assert run.best_step in {event["step"] for event in run.events("evaluate")}
    written = json.loads((run.directory / "cost.json").read_text())
    assert run.cost()["flops"] == written["flops"]
    with pytest.raises(SparseganError, match="leave out direction"):
        run.evaluate(direction="a_to_b")


def test_its_report_is_a_path_and_a_page(run, tmp_path):
    page = run.report(tmp_path / "page.html")
    assert os.fspath(page) == str(page) == str(tmp_path / "page.html")
    assert page._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_its_file_is_one_to_load(run, tmp_path):
    path = run.export(output=tmp_path / "small.safetensors")
    z = torch.randn(3, 8)
    loaded = sparsegan.export.load(path, kernels="masked")
    torch.testing.assert_close(loaded(z), run.generator(z), rtol=0, atol=1e-5)


def test_of_no_run_it_is_refused(tmp_path):
    with pytest.raises(SparseganError, match="is not a run directory"):
        sparsegan.open_run(tmp_path)


@pytest.fixture(scope="module")
def cycle(tmp_path_factory):
    """A finished run of CycleGAN."""
    folder = tmp_path_factory.mktemp("cycle")
    flags = ["--sample.every=0", "--evaluate.images=0"]
    loop.train(cycle_run.config(cycle_run.write_set(folder / "set"), folder / "run", *flags))
    return sparsegan.open_run(folder / "run")


def test_of_two_generators_one_is_named(cycle):
    there = cycle.generator_at(direction="a_to_b")
    images = cycle.images(2, direction="a_to_b")
    assert images.shape == (2, 3, 64, 64)
    assert not torch.equal(images, cycle.images(2, direction="b_to_a"))
    pairs = np.asarray(cycle.sample(2, direction="a_to_b"))
    assert pairs.shape == (128, 128, 3)  # each beside its translation
    original = torch.from_numpy(pairs[:64, :64].copy()).permute(2, 0, 1)
    again = translation.translated(there, original[None])
    assert np.array_equal(again[0].permute(1, 2, 0), pairs[:64, 64:])
    assert torch.equal(again[0], images[0])
    folder = Path(cycle.config.data.path, "testB")
    assert len(cycle.images(9, direction="b_to_a", sources=folder)) == 4


def test_without_a_direction_nothing_is_begun(cycle, run, monkeypatch):
    monkeypatch.setattr("sparsegan.api.run.evaluate_run", None)
    monkeypatch.setattr("sparsegan.api.run.open_trained", None)
    for call in (cycle.evaluate, cycle.sample, cycle.images, cycle.export, cycle.generator_at,
                 lambda: cycle.generator):  # fmt: skip
        with pytest.raises(SparseganError, match='none is named: pass direction="a_to_b" or dir'):
            call()
    with pytest.raises(SparseganError, match="none is called there: pass direction="):
        cycle.images(direction="there")
    for call in (run.evaluate, run.sample, run.images, run.export):
        with pytest.raises(SparseganError, match="one generator: leave out direction"):
            call(direction="a_to_b")


def test_noise_has_no_sources_and_a_translation_no_seed(cycle, run):
    with pytest.raises(SparseganError, match="out of noise: leave out sources"):
        run.sample(sources="photos")
    with pytest.raises(SparseganError, match="leave out seed and only"):
        cycle.sample(direction="a_to_b", seed=3)


def test_of_no_images_nothing_is_made(run):
    for call in (
        lambda: run.images(0),
        lambda: run.sample(-1),
        lambda: run.sample(4, columns=0),
        lambda: run.evaluate(images=0),
    ):
        with pytest.raises(SparseganError, match="must be at least 1"):
            call()


def test_a_format_that_there_is_none_of_is_named(run):
    with pytest.raises(SparseganError, match="unknown format zip: choose one of packed, onnx"):
        run.export("zip")


def test_a_generator_is_exported_though_the_log_is_lost(cycle, tmp_path):
    copied = sparsegan.open_run(shutil.copytree(cycle.directory, tmp_path / "copied"))
    (copied.directory / "metrics.jsonl").unlink()
    assert copied.export(direction="a_to_b").is_file()
    assert copied.export("hub", direction="b_to_a").is_dir()
