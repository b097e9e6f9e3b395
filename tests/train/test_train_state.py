import copy

import pytest
import torch
from torch import nn

from sparsegan import data, nets
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.train import build, state
from sparsegan.train.batches import Batches
from sparsegan.train.game import Game
from sparsegan.train.launch import launch, seed_everything
from tiny_run import alone, config, differences


class Forgetful(nn.Module):
    """A discriminator with dropout, as a network of somebody else's might have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 4, stride=4)
        self.linear = nn.Linear(4 * 49, 1)

    def forward(self, x):
        return self.linear(nn.functional.dropout(self.conv(x), 0.5).flatten(1)).squeeze(1)


@pytest.fixture
def images():
    return data.load("fashion-mnist", split="test")


def game_of(images, *flags):
    settings = build.resolve(config("unused", *flags), images)
    seed_everything(settings, 0)
    game = Game(settings, launch(settings))
    return game, Batches(images, settings, 0, 1, game.fabric.device)


def play(game, batches, steps):
    for step in range(game.method.step + 1, steps + 1):
        for k in range(2):
            real = batches.real(step, k)
            game.discriminator_step(
                step, real, batches.latents(step, k), batches.random_numbers(step, k)
            )
        latents = batches.generator_latents(step)
        game.generator_step(step, latents)
        game.after_generator_step(latents, real)


@pytest.mark.full
def test_going_on_from_any_step_ends_with_the_same_bits(images, tmp_path, monkeypatch):
    original = nets.build

    def with_dropout(*args, **kwargs):
        generator, _ = original(*args, **kwargs)
        return generator, Forgetful()

    monkeypatch.setattr(nets, "build", with_dropout)
    game, batches = game_of(images)
    for step in range(13):
        play(game, batches, step)
        save_state(tmp_path / str(step), state.capture(alone(game)))
    play(game, batches, 13)
    end = state.capture(alone(game))
    for step in range(13):
        game, batches = game_of(images)
        torch.rand(7)
        state.restore(alone(game), load_state(tmp_path / str(step)))
        play(game, batches, 13)
        assert differences(state.capture(alone(game)), end) == []


@pytest.mark.parametrize(
    ("method", "granularity"),
    [(name, "weight") for name in ("dense", "static", "sdst", "dda", "stu-gan")]
    + [("adapt", "block"), ("stu-gan", "block")],
)
def test_every_method_goes_on(images, tmp_path, method, granularity):
    flags = ["--method.name", method, "--method.granularity", granularity]
    game, batches = game_of(images, *flags)
    play(game, batches, 5)
    save_state(tmp_path / "middle", state.capture(alone(game)))
    play(game, batches, 9)
    end = state.capture(alone(game))
    game, batches = game_of(images, *flags)
    state.restore(alone(game), load_state(tmp_path / "middle"))
    play(game, batches, 9)
    assert differences(state.capture(alone(game)), end) == []


@pytest.fixture
def captured(images):
    captured = state.capture(alone(game_of(images)[0]))
    return {**captured, "seconds": 0.0, "metrics_bytes": 0, "images": ""}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--network.generator_width", "4"], "another generator"),
        (["--network.discriminator_width", "4"], "another discriminator"),
        (["--method.name", "static"], "of Adapt, not of Static"),
        (["--method.granularity", "block"], "of granularity weight, not block"),
    ],
)
def test_a_state_of_another_network_or_method_is_refused(images, captured, flags, sentence):
    game, _ = game_of(images, *flags)
    with pytest.raises(SparseganError, match=sentence):
        state.restore(alone(game), captured)


@pytest.mark.parametrize(
    "part", ["networks", "optimisers", "method", "ranks", "settings", "images"]
)
def test_a_state_that_lacks_a_part_is_refused(captured, part):
    del captured[part]
    with pytest.raises(SparseganError, match=f"lacks {part}.*--checkpoint PATH"):
        state.require_parts(captured)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_state_without_masks_is_refused(captured, name):
    captured = copy.deepcopy(captured)
    del captured["method"][name]["masks"]
    with pytest.raises(SparseganError, match=f"lacks the {name}'s masks"):
        state.require_parts(captured)


@pytest.mark.parametrize(
    "name", ["threads", "torch version", "instruction set", "device", "number of processes"]
)
def test_other_conditions_are_refused_unless_told(images, captured, name):
    captured["conditions"] = {**captured["conditions"], name: "other"}
    game, _ = game_of(images)
    with pytest.raises(SparseganError, match=f"{name} other.*--inexact"):
        state.restore(alone(game), captured)
    state.restore(alone(game), captured, inexact=True)


def test_settings_newer_than_the_checkpoint_are_at_their_defaults(captured):
    settings = config("unused")
    saved = {k: v for k, v in captured["settings"].items() if not k.startswith("loss.")}
    state.require_settings(saved, settings)
    other = config("unused", "--loss.name", "wasserstein")
    with pytest.raises(SparseganError, match=r"with loss\.name hinge and .* wasserstein"):
        state.require_settings(saved, other)
