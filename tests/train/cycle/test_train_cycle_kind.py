"""What a run from images to images is made of."""

import pytest
import torch

from cycle_run import config, write_set
from sparsegan.train import kinds
from sparsegan.train.cycle.evaluation import CycleEvaluation
from sparsegan.train.cycle.games import CycleGames
from sparsegan.train.cycle.kind import IMAGE_TO_IMAGE
from sparsegan.train.cycle.unpaired import CycleBatches
from sparsegan.train.launch import launch


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("squares"))


def test_images_are_two_sets_and_settings_are_resolved_by_the_first(location):
    settings = config(location, "unused")
    images = IMAGE_TO_IMAGE.load_images(settings)
    assert [len(side) for side in images.sides] == [3, 4]
    resolved = IMAGE_TO_IMAGE.resolve(settings, images)
    assert kinds.of(resolved) is IMAGE_TO_IMAGE
    assert (resolved.data.source, resolved.data.channels) == ("folder", 3)
    assert resolved.network.latent_dim is None
    blank = IMAGE_TO_IMAGE.blank(resolved)
    assert tuple(blank.a.pixels.shape) == (1, 3, 64, 64)


def test_without_the_data_only_the_shape_of_the_images_is_known(tmp_path):
    settings = config(tmp_path / "nowhere", "unused", "--batch_size", "5", "--data.channels", "1")
    outline = IMAGE_TO_IMAGE.outline(settings)
    assert not IMAGE_TO_IMAGE.outline_counts
    assert [tuple(side.pixels.shape) for side in outline.sides] == [(5, 1, 64, 64)] * 2
    assert IMAGE_TO_IMAGE.outline(config(tmp_path, "unused")) is None, "channels are the data's"


def test_the_parts_are_those_of_two_games(location):
    settings = config(location, "unused")
    images = IMAGE_TO_IMAGE.load_images(settings)
    settings = IMAGE_TO_IMAGE.resolve(settings, images)
    games = IMAGE_TO_IMAGE.games(settings, launch(settings))
    assert type(games) is CycleGames
    assert [game.name for game in games] == ["a_to_b", "b_to_a"]
    batches = IMAGE_TO_IMAGE.batches(images, settings, 0, 1, torch.device("cpu"))
    assert type(batches) is CycleBatches
    assert type(IMAGE_TO_IMAGE.evaluation(settings, images)) is CycleEvaluation
    assert IMAGE_TO_IMAGE.evaluators(settings, images).keys() == {"a_to_b", "b_to_a"}
