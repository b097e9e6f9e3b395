"""Grids and distances of both directions, and when."""

import numpy as np
import pytest
import torch
from PIL import Image

from cycle_run import opened, write_set
from sparsegan.draw import sampling
from sparsegan.record.run import RunDirectory
from sparsegan.train import state
from sparsegan.train.cycle.kind import IMAGE_TO_IMAGE
from sparsegan.train.cycle.translation import translated
from tiny_run import differences

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The games of a run, what evaluates them, and its images to judge by."""
    location = write_set(tmp_path_factory.mktemp("squares"))
    games, batches = opened(location, "--sample.every", "2")
    return games, IMAGE_TO_IMAGE.evaluation(games.config, batches.images)


def test_both_directions_are_drawn_and_evaluated_when_they_are_due(parts, tmp_path):
    games, evaluation = parts
    run = RunDirectory(tmp_path)
    assert evaluation(run, games, 1) == []
    assert not run.samples.exists()
    assert evaluation(run, games, 2) == []
    both = evaluation(run, games, 6)
    assert [event.game for event in both] == ["a_to_b", "b_to_a"]
    for event in both:
        assert tmp_path / event.grid == run.sample(6, event.game)
        assert run.sample(2, event.game).is_file()
        assert (event.bn, event.weights) == ("standing", "ema")
    assert [event.grid for event in evaluation(run, games, 3)] == [None, None]


def test_a_row_is_an_image_its_translation_and_that_translated_back(parts, tmp_path):
    games, evaluation = parts
    run = RunDirectory(tmp_path)
    evaluation(run, games, 2)
    with Image.open(run.sample(2, "b_to_a")) as picture:
        sheet = torch.from_numpy(np.array(picture)).view(3, 64, 3, 64, 3).permute(2, 0, 4, 1, 3)
    images, there, back = sheet
    assert {tuple(image.flatten().tolist()[:3]) for image in images} == {(128, 128, 128)}
    seed = games.config.seed
    with (
        sampling.sampled(games["b_to_a"].method, seed=seed) as first,
        sampling.sampled(games["a_to_b"].method, seed=seed) as second,
    ):
        expected = translated(first, images)
        assert (there.int() - expected.int()).abs().max() <= 1
        difference = (translated(second, there).int() - back.int()).abs().float()
    assert difference.mean() < 1  # drawn from the translation before it was rounded to bytes


def test_looking_leaves_the_games_as_they_were(parts, tmp_path):
    games, evaluation = parts
    before = state.capture(games)
    first, second = (
        [event.value for event in evaluation(RunDirectory(tmp_path), games, 6)] for _ in range(2)
    )
    assert first == second
    assert differences(state.capture(games), before) == []
    assert evaluation.splits.keys() == {"trainA", "trainB"}
