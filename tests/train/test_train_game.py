import math

import pytest
import torch

from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train import build
from sparsegan.train.game import Game, frozen
from sparsegan.train.launch import launch
from tiny_run import config


def game_of(*flags):
    settings = config("unused", *flags)
    images = data.load("fashion-mnist", image_size=28)
    return Game(build.resolve(settings, images), launch(settings))


@pytest.fixture
def inputs():
    return (torch.rand(8, 1, 28, 28) * 2 - 1,), (torch.randn(8, 8),), torch.rand(8)


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


def moved(before, network):
    return [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]


@pytest.mark.parametrize(
    "flags",
    [(), ("--loss.name", "wasserstein", "--loss.gradient_penalty", "10"), ("--loss.r1", "1")],
)
def test_each_step_moves_its_own_network_only(inputs, flags):
    game = game_of(*flags)
    G, D = weights(game.G), weights(game.D)
    game.discriminator_step(1, *inputs)
    assert game.losses["discriminator"].isfinite()
    assert any(moved(D, game.D))
    assert not any(moved(G, game.G))
    D = weights(game.D)
    gradients = [p.grad.clone() for p in game.D.parameters()]
    game.generator_step(1, (inputs[1][0][:6],))
    assert game.scores.shape == (6,)
    assert float(game.losses["generator"]) == pytest.approx(-float(game.scores.mean()))
    assert any(moved(G, game.G))
    assert not any(moved(D, game.D))
    kept = [torch.equal(a, p.grad) for a, p in zip(gradients, game.D.parameters(), strict=True)]
    assert all(kept)
    assert all(p.requires_grad for p in game.D.parameters())


def test_the_gradient_penalty_is_in_the_loss(inputs):
    losses = []
    for weight in ("0", "1", "2"):
        game = game_of("--loss.name", "wasserstein", "--loss.gradient_penalty", weight)
        game.discriminator_step(1, *inputs)
        losses.append(game.losses["discriminator"].item())
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert losses[1] > losses[0]


def test_r1_is_in_the_loss_and_draws_the_same_noise_whenever_a_step_is_taken_again(inputs):
    losses = []
    for weight in ("0", "1", "2", "2"):
        game = game_of("--loss.r1", weight)
        game.discriminator_step(1, *inputs)
        losses.append(game.losses["discriminator"].item())
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert losses[1] > losses[0]
    assert losses[3] == losses[2]


def test_gradient_norms_are_those_of_active_weights(inputs):
    game = game_of()
    game.discriminator_step(1, *inputs)
    active = [p.grad.double().square().sum() for p in game.D.parameters()]
    assert game.gradient_norm("discriminator") == pytest.approx(math.sqrt(sum(active)), rel=1e-5)
    masks = game.method.discriminator.masks
    for layer in masks.layers:
        assert not layer.parameter.grad[~masks[layer.name]].any()


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_loss_that_is_not_finite_stops_before_the_update(inputs, name):
    game = game_of()
    real, (z,), mix = inputs
    if name == "discriminator":
        real[0][0, 0, 0, 0] = math.nan
    else:
        z = z / 0 * 0
    G, D = weights(game.G), weights(game.D)
    step = {
        "discriminator": lambda: game.discriminator_step(7, real, (z,), mix),
        "generator": lambda: game.generator_step(7, (z,)),
    }
    with pytest.raises(SparseganError, match=f"the {name} diverged at step 7: its loss is nan"):
        step[name]()
    assert not any(moved(G, game.G) + moved(D, game.D))


def test_a_gradient_that_is_not_finite_stops_too(inputs):
    game = game_of("--loss.name", "wasserstein")
    # The score is finite, but its slope is not: sqrt(0) in front of the last layer.
    game.D.linear.register_forward_pre_hook(lambda module, x: ((x[0] * 0).abs().sqrt(),))
    with pytest.raises(SparseganError, match=r"diverged at step 2: its loss is .* gradient nan"):
        game.discriminator_step(2, *inputs)


def test_measuring_follows_the_generator_step(inputs):
    game = game_of()
    real, (z,), mix = inputs
    for k in range(2):
        game.discriminator_step(1, real, (torch.roll(z, k),), mix)
    game.generator_step(1, (z,))
    game.after_generator_step((z,), real)
    balance = game.events.balance
    assert game.events.step == 1
    assert balance.fake_before == pytest.approx(float(game.scores.mean()), rel=1e-5)
    assert balance.fake_after != balance.fake_before


def test_what_was_frozen_for_good_stays_so():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    network[0].requires_grad_(False)
    with frozen(network):
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert [parameter.requires_grad for parameter in network.parameters()] == [False] * 2 + [
        True
    ] * 2
