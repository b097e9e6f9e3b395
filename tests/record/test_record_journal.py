from dataclasses import replace

import pytest
import torch

from sparsegan import data, engine
from sparsegan.data.notes import Notes
from sparsegan.engine import LayerTiming
from sparsegan.engine.timing import Fit
from sparsegan.methods import Requests, StepEvents
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog, read_events
from sparsegan.train import build, log
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from tiny_run import alone, config

LAYER = LayerTiming("conv", "Conv2d", (4, 3, 3, 3), (8, 3, 9, 9), Fit(3.0, 1.0, 2.0))


@pytest.fixture
def game():
    settings = build.resolve(config("unused"), data.load("fashion-mnist", split="test"))
    game = Game(settings, launch(settings))
    for network in game.method.networks.values():
        network.engine.timing = engine.Timing(3.0, 1.0, 4.0, batch=8, threads=1, isa="portable")
        network.engine.layers = [LAYER]
    return game


def test_kernels_are_told_at_the_start_with_the_layers_and_then_where_they_change(tmp_path, game):
    path = tmp_path / "metrics.jsonl"
    journal = Journal(MetricsLog(path))
    log.start(journal, alone(game))
    masks = game.method.discriminator.masks
    for step, share in ((1, 0.45), (2, 0.9), (3, 0.8)):
        masks.replace(torch.arange(masks.total) * 0.618 % 1 < share)
        journal.kernels(step, None, game.method)
    choices = [event for event in read_events(path) if event["kind"] == "engine"]
    assert [(event["step"], event["network"], event["kernels"]) for event in choices] == [
        (0, "generator", "native"),
        (0, "discriminator", "native"),
        (2, "discriminator", "masked"),
    ]
    assert choices[0]["timing"]["masked"] == 3.0
    assert choices[0]["layers"] == [
        {
            "name": "conv",
            "kind": "Conv2d",
            "shape": [4, 3, 3, 3],
            "input": [8, 3, 9, 9],
            "fit": {"masked": 3.0, "fixed": 1.0, "slope": 2.0},
            "unsupported": "",
        }
    ]
    assert choices[2]["layers"] is None


def test_a_journal_that_goes_on_does_not_repeat_what_is_told(tmp_path, game):
    path = tmp_path / "metrics.jsonl"
    log.start(Journal(MetricsLog(path)), alone(game))
    before = path.read_bytes()
    Journal(MetricsLog(path)).kernels(5, None, game.method)
    assert path.read_bytes() == before


def test_requests_are_told_when_they_are_new_also_after_a_stop(tmp_path):
    path = tmp_path / "metrics.jsonl"
    some, other = Requests(2, 0.5, (3, 9)), Requests(1)
    for wishes in ((Requests(), some, some), (some, other), (other, Requests(), Requests())):
        journal = Journal(MetricsLog(path))
        for step, wish in enumerate(wishes):
            journal.step(None, StepEvents(step, None, None, (), None, (), wish))
    requests = [Requests.of(event) for event in read_events(path)]
    assert requests == [some, other, Requests()]


def test_what_there_is_to_say_of_the_data(tmp_path):
    path = tmp_path / "metrics.jsonl"
    images = data.load("fashion-mnist", split="test")
    notes = Notes("2 images", ("a word",), ("x.png: broken",))
    Journal(MetricsLog(path)).data({"train": images, "test": replace(images, notes=notes)})
    [event] = read_events(path)
    assert event == {
        "kind": "data",
        "step": 0,
        "split": "test",
        "images": len(images),
        "held_out": "2 images",
        "warnings": ["a word"],
        "skipped": ["x.png: broken"],
    }
