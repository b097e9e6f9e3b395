from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from command_line import refused
from sparsegan import cli


def test_sampling_a_grid_and_a_folder(trained, capsys):
    run, _ = trained
    assert cli.main(["sample", str(run), "--grid", "a.png", "--count", "9", "--seed", "5"]) == 0
    assert cli.main(["sample", str(run), "--folder", "out", "--count", "9", "--seed", "5"]) == 0
    assert "9 images of step 6" in capsys.readouterr().out
    with Image.open("a.png") as grid, Image.open("out/00004.png") as middle:
        assert grid.size == (84, 84)
        assert grid.crop((28, 28, 56, 56)).tobytes() == middle.tobytes()
    assert len(list(Path("out").iterdir())) == 9
    assert "not empty" in refused(capsys, "sample", run, "--folder", "out")
    assert "not empty" in refused(capsys, "sample", "nowhere", "--folder", "out")
    grid = ("sample", run, "--grid", "a.png")
    assert "out of noise: leave out --images" in refused(capsys, *grid, "--images", "out")
    assert "one generator: leave out" in refused(capsys, *grid, "--direction", "a_to_b")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample", "nowhere", "--grid", "a.png"], "there is no run directory nowhere"),
        (
            ["sample", "nowhere"],
            "arguments --grid --folder --walk --over_time is required",
        ),
        # Before anything is read or drawn.
        (["sample", "nowhere", "--grid", "a.jpg"], "a.jpg is to be a PNG"),
        (["sample", "nowhere", "--over_time", "a.gif"], "a.gif is to be a PNG"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "0"], "0 is not a whole number of at"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "x"], "x is not a whole number of at"),
        (["sample", "nowhere", "--grid", "a.png", "--sed", "0"], "did you mean --seed?"),
        (["sample", "nowhere", "--grid", "a.png", "--bn", "x"], "invalid choice: 'x'"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)


def test_a_walk_a_sheet_over_time_and_nearest_training_images(trained, capsys, monkeypatch):
    run, _ = trained
    walk = ["sample", str(run), "--walk", "a.webp", "--count", "4", "--frames", "6"]
    assert cli.main([*walk, "--stops", "2", "--size", "60", "--rate", "10"]) == 0
    assert "4 walks of 6 frames of step 6: a.webp" in capsys.readouterr().out
    with Image.open("a.webp") as animation:
        assert (animation.size, animation.n_frames) == ((112, 112), 6)
    assert cli.main(["sample", str(run), "--over_time", "b.png", "--count", "2"]) == 0
    assert "after 0, 6 steps: b.png" in capsys.readouterr().out
    known = []

    class Known:
        def save(self, path, pixels):
            known.append((path, tuple(pixels.shape)))

    monkeypatch.setattr("sparsegan.train.neighbours.of_run", lambda config: Known())
    assert cli.main(["sample", str(run), "--grid", "c.png", "--nearest", "--count", "3"]) == 0
    assert "3 images, each beside its nearest training image, of step 6" in capsys.readouterr().out
    assert known == [(Path("c.png"), (3, 1, 28, 28))]


def test_options_of_other_pictures_are_refused(trained, capsys):
    run, _ = trained
    sample = ("sample", run)
    for arguments, sentence in (
        (("--grid", "a.png", "--frames", "3"), "--frames is of a walk"),
        (("--folder", "a", "--nearest"), "--nearest is of a grid"),
        (("--walk", "a.png"), "ends in .gif or .webp"),
        (("--walk", "a.gif", "--bn", "batch"), "flicker"),
        (("--walk", "a.gif", "--stops", "1"), "two stops"),
        (("--walk", "a.gif", "--rate", "1000"), "frames a second"),
        (("--walk", "a.webp", "--count", "1", "--size", "16400"), "too large an animation"),
        (("--walk", "a.gif", "--count", "1", "--size", "20000000"), "too large an animation"),
        (("--walk", "a.gif", "--frames", "40", "--size", "1000"), "40 frames of 4,032"),
        (("--walk", "a.gif", "--class", "cat,dog"), "learnt no classes"),
        (("--over_time", "a.png", "--seed", "3"), "leave out --seed"),
    ):
        assert sentence in refused(capsys, *sample, *arguments)


class Animals(nn.Module):
    """Every image is of one grey, that of its class."""

    latent_dim, classes, class_names = 4, 3, ("cat", "dog", "cat, black")

    def __init__(self):
        super().__init__()
        greys = torch.tensor([[-1.0], [-0.9], [-0.8]])
        self.greys = nn.Embedding.from_pretrained(greys)

    def forward(self, noise, labels):
        return self.greys(labels)[:, :, None, None].expand(len(noise), 1, 4, 4)


@pytest.fixture
def animals(monkeypatch):
    @contextmanager
    def generator(options):
        yield Animals(), "animals", None

    monkeypatch.setattr(import_module("sparsegan.cli.sample"), "_generator", generator)
    return ("sample", "animals")


def test_one_class_alone_is_drawn_and_its_name_may_have_a_comma(animals, capsys):
    for wanted, grey in (("cat, black", 26), ("dog", 13), (" dog,", 13), ("2", 26)):
        assert cli.main([*animals, "--grid", "a.png", "--count", "4", "--class", wanted]) == 0
        with Image.open("a.png") as grid:
            assert grid.convert("L").getextrema() == (grey, grey)
    capsys.readouterr()
    for target in (("--grid", "b.png"), ("--folder", "b"), ("--grid", "b.png", "--nearest")):
        sentence = refused(capsys, *animals, *target, "--class", "cat,dog")
        assert "names 2 classes, and one alone can be drawn so" in sentence
        assert "names no class" in refused(capsys, *animals, *target, "--class", ",")


def test_a_walk_goes_through_several_classes(animals, capsys):
    walk = [*animals, "--walk", "a.gif", "--count", "1", "--frames", "4", "--size", "4"]
    assert cli.main([*walk, "--class", "dog, cat"]) == 0
    assert "class dog, cat: a.gif" in capsys.readouterr().out
    assert cli.main([*walk, "--class", "cat, black"]) == 0
    assert "class cat, black: a.gif" in capsys.readouterr().out
