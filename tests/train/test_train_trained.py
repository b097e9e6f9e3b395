"""A run opened again: what was saved of it, and which of its games."""

import pytest
import torch

from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import save_state
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse
from sparsegan.train import build, state
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from sparsegan.train.trained import Trained, TrainedGame, open_trained
from tiny_run import alone, config


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run's directory with two checkpoints, and the game as it was at the second."""
    run = RunDirectory(tmp_path_factory.mktemp("saved") / "run")
    settings = build.resolve(config(run.path), data.load("fashion-mnist", split="test"))
    game = Game(settings, launch(settings))
    run.checkpoints.mkdir(parents=True)
    parse.write(run.config, settings)
    rest = {"seconds": 0.0, "metrics_bytes": 0, "images": ""}
    save_state(run.checkpoint(0), state.capture(alone(game)) | rest)
    masks = game.method.generator.masks
    masks.replace(torch.arange(masks.total) % 10 < 3)
    with torch.no_grad():
        for parameter in game.D.parameters():
            parameter.mul_(0.5)
    save_state(run.checkpoint(1), state.capture(alone(game)) | rest | {"step": 1})
    return run, game


def test_weights_masks_and_averages_are_those_of_the_newest_checkpoint(saved):
    run, game = saved
    trained = open_trained(run.path)
    assert (trained.step, trained.config) == (1, game.config)
    for role, network in trained.method.networks.items():
        own = game.method.networks[role]
        assert torch.equal(network.masks.flat, own.masks.flat)
        assert all(
            torch.equal(a, b)
            for a, b in zip(network.module.parameters(), own.module.parameters(), strict=True)
        )
    averages = game.method.ema.averages
    assert all(torch.equal(trained.method.ema.averages[name], averages[name]) for name in averages)


def test_a_checkpoint_that_is_named_is_opened(saved):
    run, game = saved
    first = open_trained(run.path, 0)
    assert first.step == 0
    assert not torch.equal(first.method.generator.masks.flat, game.method.generator.masks.flat)
    assert open_trained(run.path, run.checkpoint(1)).step == 1


@pytest.mark.parametrize(("damage", "sentence"), [("method", "lacks method"), ("cut", "damaged")])
def test_a_checkpoint_that_is_not_whole_is_refused(saved, tmp_path, damage, sentence):
    run, game = saved
    path = tmp_path / "step.safetensors"
    if damage == "cut":
        path.write_bytes(run.checkpoint(1).read_bytes()[:-9])
    else:
        states = state.capture(alone(game))
        del states["method"]
        save_state(path, states)
    with pytest.raises(SparseganError, match=sentence):
        open_trained(run.path, path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(SparseganError, match="is not a run directory"):
        open_trained(tmp_path)


def test_a_game_is_named_where_there_are_several_and_only_there():
    one, other = object(), object()
    both = Trained(config("unused"), (TrainedGame("a_to_b", one), TrainedGame("b_to_a", other)), 3)
    assert both.method_of("b_to_a") is other
    with pytest.raises(SparseganError, match="choose --direction a_to_b or b_to_a"):
        both.method_of(None)
    single = Trained(config("unused"), (TrainedGame(None, one),), 3)
    assert single.method is one
    with pytest.raises(SparseganError, match="one generator: leave out --direction"):
        single.method_of("a_to_b")
