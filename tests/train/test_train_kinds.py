"""What a run from noise to images is made of; that of the other kind is in the cycle's tests."""

import pytest
import torch

from sparsegan import data
from sparsegan.settings import kinds as settings_kinds
from sparsegan.train import kinds
from sparsegan.train.batches import Batches
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.evaluation import Evaluation
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from tiny_run import config

KIND = kinds.NOISE_TO_IMAGE


@pytest.mark.parametrize("name", ["dcgan", "sngan", "biggan", "cyclegan"])
def test_the_kind_of_a_run_is_that_of_its_settings(name):
    kind = kinds.of(config("unused", "--network.name", name) if name != "cyclegan" else cycle())
    assert (kind is KIND) == (settings_kinds.of(name) is settings_kinds.NOISE_TO_IMAGE)


def cycle():
    flags = ["--loss.name=least-squares", "--network.latent_dim=null"]
    return config("unused", "--network.name=cyclegan", "--method.name=static", *flags)


def outline(*flags):
    return KIND.outline(config("unused", *flags))


@pytest.mark.parametrize(
    ("source", "flags", "shape"),
    [
        ("cifar10", [], (50_000, 3, 32, 32)),
        ("cifar10", ["--data.channels=1", "--data.image_size=16"], (50_000, 1, 16, 16)),
        ("cifar10", ["--data.classes=[cat, ship]"], (10_000, 3, 32, 32)),
        ("stl10", [], (100_000, 3, 48, 48)),
    ],
)
def test_an_outline_has_as_many_images_as_the_data_and_no_content(source, flags, shape):
    images = outline("--data.source", source, *flags)
    assert tuple(images.pixels.shape) == shape
    assert images.pixels.untyped_storage().nbytes() < 10_000
    assert KIND.outline_counts


@pytest.mark.parametrize("flags", [["--data.source=folder"], ["--data.classes=[cta]"]])
def test_what_only_the_data_know_has_no_outline(flags):
    assert outline("--data.source=cifar10", *flags) is None


def test_blank_images_are_as_many_as_a_batch_of_the_resolved_shape():
    flags = ["--data.image_size=28", "--data.channels=1", "--data.classes=[a, b]"]
    images = KIND.blank(config("unused", *flags))
    assert tuple(images.pixels.shape) == (8, 1, 28, 28)
    assert images.class_names == ("a", "b")


def test_the_parts_are_those_of_one_game():
    images = data.load("fashion-mnist", split="test")
    settings = KIND.resolve(config("unused", "--engine", "masked"), images)
    games = KIND.games(settings, launch(settings))
    assert [type(game) for game in games] == [Game]
    assert games[None].name is None
    assert type(KIND.batches(images, settings, 0, 1, torch.device("cpu"))) is Batches
    assert type(KIND.evaluation(settings, images)) is Evaluation
    evaluators = KIND.evaluators(settings, images)
    assert {name: type(each) for name, each in evaluators.items()} == {None: Evaluator}
