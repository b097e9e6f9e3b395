import math
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import nn

from sparsegan import engine
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.sparsity import Masks, SparseNetwork
from sparsegan.train.launch import launch
from sparsegan.train.learner import Learner, step_together
from sparsegan.train.learning_rate import learning_rate
from tiny_run import config


class LossScale(MixedPrecision):
    """The loss scale of 16-bit arithmetic around 32-bit arithmetic, which a CPU has."""

    def __init__(self, scale):
        super().__init__("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale))

    def forward_context(self):
        return nullcontext()

    def convert_input(self, data):
        return data


def network():
    torch.manual_seed(0)
    first, second = nn.Conv2d(2, 16, 3, padding=1), nn.Conv2d(16, 8, 3)
    return nn.Sequential(first, nn.ReLU(), second, nn.Flatten(), nn.Linear(32, 1))


def learner_of(module, *flags, fabric=None):
    settings = config("unused", *flags)
    optimiser = torch.optim.Adam(module.parameters(), lr=settings.optimiser.discriminator.lr)
    return Learner("discriminator", module, optimiser, settings, fabric or launch(settings))


def mean_loss(learner, images):
    parts = images.chunk(learner.config.accumulate)
    return lambda part: learner.wrapped(parts[part]).square().mean()


def gradients(module):
    return [p.grad.clone() for p in module.parameters()]


@pytest.mark.parametrize("kernels", ["native", "masked"])
@pytest.mark.parametrize("growth_due", [False, True])
def test_parts_make_the_step_of_the_whole(kernels, growth_due):
    if kernels == "native" and not engine.available():
        pytest.skip("the native kernels are not compiled")
    images = torch.randn(12, 2, 4, 4, generator=stream(0))
    ends = {}
    for parts in (1, 2, 3, 12):
        learner = learner_of(network(), "--accumulate", str(parts))
        masks = Masks(learner.network, 0.3, "erk", generator=stream(1))
        sparse = SparseNetwork(learner.network, learner.optimiser, masks, kernels=kernels)
        sparse.growth_gradient_due = lambda: growth_due
        losses = [float(learner.step(step, mean_loss(learner, images))) for step in (1, 2, 3)]
        ends[parts] = losses, gradients(learner.network), sparse.state_dict()["growth_gradient"]
        assert sparse.steps == 3
    whole_losses, whole_gradients, whole_growth = ends.pop(1)
    for losses, grads, growth in ends.values():
        assert losses == pytest.approx(whole_losses, rel=1e-5)
        torch.testing.assert_close(grads, whole_gradients, rtol=1e-4, atol=1e-6)
        assert (growth is not None) == growth_due
        if growth_due:
            inactive = ~masks.flat
            assert growth[inactive].abs().sum() > 0
            torch.testing.assert_close(growth, whole_growth, rtol=1e-4, atol=1e-6)


def test_gradients_are_synchronised_once_a_step(monkeypatch):
    learner = learner_of(network(), "--accumulate", "4")
    asked = []

    def no_backward_sync(module, enabled):
        asked.append((module is learner.wrapped, enabled))
        return nullcontext()

    monkeypatch.setattr(learner.fabric, "no_backward_sync", no_backward_sync)
    learner.step(1, mean_loss(learner, torch.randn(4, 2, 4, 4)))
    assert asked == [(True, True)] * 3 + [(True, False)]


def test_every_step_has_its_learning_rate():
    flags = ["--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0.5", "--steps", "10"]
    learner = learner_of(network(), *flags, "--optimiser.discriminator.lr", "0.5")
    seen = []
    for number in range(1, 11):
        learner.step(number, mean_loss(learner, torch.randn(4, 2, 4, 4)))
        seen.append(learner.optimiser.param_groups[0]["lr"])
    assert seen == pytest.approx([0.5] * 6 + [0.4, 0.3, 0.2, 0.1])
    assert learning_rate(learner.config, "generator", 10) == pytest.approx(2e-4 / 5)


def scaled(scale, module=None):
    fabric = Fabric(accelerator="cpu", plugins=LossScale(scale))
    return learner_of(module or network(), fabric=fabric), fabric.strategy.precision.scaler


def test_a_loss_scale_changes_no_bit():
    images = torch.randn(8, 2, 4, 4)
    plain = learner_of(network())
    learner, scaler = scaled(2.0**12)
    for step in range(1, 4):
        plain.step(step, mean_loss(plain, images))
        learner.step(step, mean_loss(learner, images))
        assert learner.gradient_norm() == plain.gradient_norm()
    pairs = zip(learner.network.parameters(), plain.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert scaler.get_scale() == 2.0**12


def test_a_step_whose_scaled_gradient_overflows_is_made_again():
    images = torch.randn(8, 2, 4, 4)
    plain = learner_of(network(), "--accumulate", "2")
    learner, scaler = scaled(2.0**127)
    learner.config = replace(learner.config, accumulate=2)
    asked = []

    def loss_of(part):
        asked.append(part)
        # Of the slope 2^8, which is more than 2^127 leaves room for.
        return learner.wrapped(images.chunk(2)[part]).mean() * 2.0**8

    for step in (1, 2):
        before = len(asked)
        learner.step(step, loss_of)
        plain.step(step, lambda part: plain.wrapped(images.chunk(2)[part]).mean() * 2.0**8)
        attempts = (len(asked) - before) // 2
        assert attempts > 1 if step == 1 else attempts == 1
    assert asked == [0, 1] * (len(asked) // 2)
    assert scaler.get_scale() == 2.0 ** (127 - (len(asked) // 2 - 2))
    assert learner.optimiser.state[next(learner.network.parameters())]["step"] == 2
    pairs = zip(learner.network.parameters(), plain.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_networks_that_share_a_loss_step_together_under_a_scale():
    images = torch.randn(8, 2, 4, 4)
    ends = []
    for fabric in (launch(config("unused")), Fabric(accelerator="cpu", plugins=LossScale(2.0**12))):
        learners = [learner_of(network(), fabric=fabric) for _ in range(2)]

        def loss_of(part, both=learners):
            return sum(number * mean_loss(each, images)(0) for number, each in enumerate(both, 1))

        losses = [float(step_together(learners, number, loss_of)) for number in (1, 2)]
        assert losses[1] != losses[0]
        ends.append([p for each in learners for p in each.network.parameters()])
        ends[-1] += [p.grad for each in learners for p in each.network.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("slope", "attempts", "sentence"),
    [
        (lambda x: (x * 0).abs().sqrt(), 4, r"loss is 0 and the norm of its gradient nan"),
        (lambda x: x / 0, 1, r"loss is (nan|-?inf)"),
    ],
)
def test_what_no_scale_can_save_has_diverged(slope, attempts, sentence):
    learner, _ = scaled(8.0)
    before = [p.detach().clone() for p in learner.network.parameters()]
    asked = []

    def loss_of(part):
        asked.append(part)
        return slope(learner.wrapped(torch.ones(2, 2, 4, 4))).mean()

    with pytest.raises(SparseganError, match=f"discriminator diverged at step 7: its {sentence}"):
        learner.step(7, loss_of)
    assert len(asked) == attempts, "a scale of 8, 4, 2 and 1"
    pairs = zip(before, learner.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_norm_that_overflows_by_itself_is_no_reason_to_try_again():
    learner, scaler = scaled(1.0, nn.Linear(1, 1))
    asked = []

    def loss_of(part):
        asked.append(part)
        return learner.wrapped(torch.full((1, 1), 1e30)).sum() * 1e-10

    with pytest.raises(SparseganError, match="gradient inf"):
        learner.step(1, loss_of)
    assert asked == [0]
    assert math.isfinite(float(learner.network.weight.grad))
    assert scaler.get_scale() == 1
