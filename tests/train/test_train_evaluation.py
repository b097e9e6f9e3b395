"""What is drawn and evaluated while a run is trained, and when."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sparsegan import data
from sparsegan.record.run import RunDirectory
from sparsegan.train import build, state
from sparsegan.train.evaluation import Evaluation, at_interval, evaluations
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from tiny_run import alone, config, differences

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def images():
    return data.load("fashion-mnist")


def opened(images, *flags):
    flags = ("--engine", "masked", "--sample.every", "4", "--evaluate.every", "6", *flags)
    settings = build.resolve(config("unused", *flags), images)
    return Evaluation(settings, images), alone(Game(settings, launch(settings)))


@pytest.mark.parametrize("every", [0, 1, 4, 20])
def test_evaluations_are_due_at_both_ends_and_every_so_many_steps(every):
    steps = {step for step in range(15) if at_interval(every, step, 14)}
    assert steps == {0, 14, *(range(0, 15, every) if every else ())}


def test_evaluations_are_due_at_shares_of_the_run_besides():
    steps = [step for step in range(301) if at_interval(200, step, 300, (0.9, 0.95, 1.0))]
    assert steps == [0, 200, 270, 285, 300]
    steps = [step for step in range(301) if at_interval(0, step, 300, (0.9, 0.95, 1.0), 200)]
    assert steps == [0, 290, 295, 300]


def test_a_grid_and_the_distances_come_each_when_they_are_due(images, tmp_path):
    evaluation, games = opened(images)
    run = RunDirectory(tmp_path)
    assert evaluation(run, games, 5) == []
    assert not run.samples.exists()
    assert evaluation(run, games, 4) == []
    with Image.open(run.sample(4)) as picture:
        assert picture.size == (2 * 28, 2 * 28)
    (event,) = evaluation(run, games, 6)
    assert (event.step, event.game, event.grid) == (6, None, None)
    assert (event.n, event.bn, event.weights) == (16, "standing", "ema")
    (event,) = evaluation(run, games, 12)
    assert tmp_path / event.grid == run.sample(12)
    assert run.sample(12).is_file()


def test_samples_stand_beside_the_training_images_nearest_to_them(images, tmp_path):
    few = replace(images, pixels=images.pixels[:40], labels=images.labels[:40])
    run = RunDirectory(tmp_path)
    evaluation, games = opened(few)
    evaluation(run, games, 6)
    evaluation(run, games, 12)
    (path,) = run.nearest.iterdir()  # the last alone
    assert path == run.neighbours(12)
    with Image.open(path) as picture:
        sheet = torch.from_numpy(np.array(picture))
    known = {image.numpy().tobytes() for image in few.pixels[:, 0]}
    assert sheet[:28, 28:56].contiguous().numpy().tobytes() in known
    assert sheet[:28, :28].contiguous().numpy().tobytes() not in known
    for others in (opened(images), opened(few, "--sample.nearest", "false")):
        for other in run.nearest.iterdir():
            other.unlink()
        others[0](run, others[1], 12)
        assert list(run.nearest.iterdir()) == []


def test_looking_leaves_the_games_as_they_were_and_is_a_function_of_them(images, tmp_path):
    evaluation, games = opened(images)
    run = RunDirectory(tmp_path)
    before = state.capture(games)
    first = evaluation(run, games, 12)[0].value, run.sample(12).read_bytes()
    assert differences(state.capture(games), before) == []
    torch.rand(5)
    second = evaluation(run, games, 12)[0].value, run.sample(12).read_bytes()
    assert first == second


def test_a_method_without_an_average_says_that_its_weights_were_drawn_from(images, tmp_path):
    evaluation, games = opened(images)
    games[None].method.ema = None
    assert evaluation(RunDirectory(tmp_path), games, 6)[0].weights == "live"


def test_images_to_judge_by_are_read_where_something_is_evaluated(images):
    evaluation, _ = opened(images)
    assert evaluation.splits.keys() == {"train", "test"}
    assert evaluation.splits["train"] is images
    blind, games = opened(images, "--evaluate.images", "0", "--sample.every", "0")
    assert blind.splits.keys() == {"train"}
    assert blind(RunDirectory("unused"), games, 6) == []


@pytest.mark.parametrize(
    ("every", "done", "expected"),
    [(5, 0, 4), (5, 5, 3), (5, 6, 2), (0, 0, 2), (7, 0, 3), (7, 14, 1)],
)
def test_evaluations_that_are_to_come_are_counted(every, done, expected, tmp_path):
    flags = ["--evaluate.every", str(every), "--steps", "14"]
    assert evaluations(config(tmp_path, *flags), done) == expected


def test_without_evaluations_there_are_none(tmp_path):
    assert evaluations(config(tmp_path, "--evaluate.images", "0")) == 0
