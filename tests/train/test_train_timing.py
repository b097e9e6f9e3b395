import pytest

from sparsegan import data, engine
from sparsegan.engine import choice
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.train import build, state, timing
from sparsegan.train.batches import Batches
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from tiny_run import alone, config, differences


@pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")
def test_copies_run_on_the_kernels_that_the_run_has_chosen(monkeypatch):
    images = data.load("fashion-mnist", split="test")
    settings = build.resolve(config("unused"), images)
    game = Game(settings, launch(settings))
    for network in game.method.networks.values():
        network.engine.timing = engine.Timing(1.0, 0.1, 0.1, batch=8, threads=1, isa="portable")
    monkeypatch.delattr(choice, "time_network")  # nothing is to be measured
    batches = Batches(images, settings, 0, 1, game.fabric.device)
    assert timing.compare(alone(game), batches, seconds=0).dense > 0


def test_timing_measures_both_and_touches_nothing(tmp_path):
    images = data.load("fashion-mnist", split="test")
    settings = build.resolve(config("unused"), images)
    game = Game(settings, launch(settings))
    before = state.capture(alone(game))
    save_state(tmp_path / "before", before)  # the captured tensors are the game's own
    timed = timing.compare(
        alone(game), Batches(images, settings, 0, 1, game.fabric.device), seconds=0
    )
    assert timed.steps == 3
    assert timed.sparse > 0
    assert timed.dense > 0
    assert differences(state.capture(alone(game)), load_state(tmp_path / "before")) == []
