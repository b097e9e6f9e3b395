"""Whatever a loop does, a method's densities are true, or it says that they cannot be."""

import pytest
import torch
from torch import nn, optim
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

from sparsegan import METHODS, Sdst, SparseganError
from toy_gan import ToyGan

SETTINGS = {"generator_density": 0.3, "discriminator_density": 0.4, "interval": 2}


def attached(gan, steps=20, **settings):
    return Sdst(*gan.parts, steps=steps, balance_every=100, **SETTINGS, **settings)


def iteration(gan, method, between=lambda: None):
    gan.discriminator_step()
    z, scores = gan.generator_step()
    between()
    gan.step += 1
    return method.after_generator_step(scores, z=z, real=gan.real())


def is_kept(method):
    return all(not int(n.masks.nonzero_inactive().sum()) for n in method.networks.values())


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_its_promise_and_says_nothing(name, caplog):
    gan = ToyGan()
    few = {
        "tickets": {"rounds": 2},
        "ramp": {"ramp_interval": 2},
        "calibrated": {"steps": 20, "control_interval": 4},
    }.get(name, {})
    common = {"steps": 8, "balance_every": 2, "balance_window": 2}
    method = METHODS[name](*gan.parts, **{**common, **few})
    warnings = [w for _ in range(6) for w in iteration(gan, method).warnings]
    assert not [w for w in warnings if "inactive" in w]
    assert is_kept(method)


def test_weights_written_once_are_cleared_and_told_of_with_their_count(caplog):
    gan = ToyGan()
    method = attached(gan)
    count = int((~method.discriminator.masks["2"]).sum())
    events = iteration(gan, method, between=lambda: gan.D[2].weight.data.fill_(1))
    (said,) = events.warnings
    assert f"{count:,} inactive weights (of 2) of the discriminator" in said
    assert is_kept(method)
    assert said in caplog.text
    assert not iteration(gan, method).warnings


def test_a_loop_that_writes_them_at_every_step_is_refused():
    """As an optimiser wrapped from outside does, or an exponential average put into the network."""
    gan = ToyGan()
    slow = [p.detach().clone() for p in gan.D.parameters()]
    method = attached(gan)
    plain_step = gan.opt_D.step

    def step():
        plain_step()
        with torch.no_grad():
            for p, q in zip(gan.D.parameters(), slow, strict=True):
                p.copy_(q.lerp_(p, 0.5))

    gan.opt_D.step = step
    iteration(gan, method)
    iteration(gan, method)
    with pytest.raises(SparseganError, match="third time: something writes weights after"):
        iteration(gan, method)


def test_how_often_it_has_happened_is_known_to_a_run_that_goes_on():
    gan = ToyGan()
    method = attached(gan)
    iteration(gan, method, between=lambda: gan.D[2].weight.data.fill_(1))
    again = attached(ToyGan())
    again.load_state_dict(method.state_dict())
    assert again.state_dict()["breaches"] == {"generator": 0, "discriminator": 1}
    older = {key: value for key, value in method.state_dict().items() if key != "breaches"}
    attached(ToyGan()).load_state_dict(older)


def test_an_optimiser_that_was_replaced_is_not_trained_dense():
    gan = ToyGan()
    method = attached(gan)
    iteration(gan, method)
    gan.opt_D = optim.Adam(gan.D.parameters(), lr=0.01)
    for _ in range(2):
        (said,) = iteration(gan, method).warnings
        assert "of the discriminator were not zero" in said
        assert is_kept(method)
    with pytest.raises(SparseganError, match="of the discriminator were not zero"):
        iteration(gan, method)


def test_layers_that_are_frozen_later_keep_their_masks():
    gan = ToyGan()
    method = attached(gan)
    iteration(gan, method)
    gan.D[0].requires_grad_(False)
    for _ in range(3):
        assert not iteration(gan, method).warnings
    assert is_kept(method)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_a_loss_scale_skips_is_not_counted(fused):
    gan = ToyGan(adam=lambda *a, **k: optim.Adam(*a, **k, fused=fused))
    method, scaler = attached(gan), torch.amp.GradScaler("cpu")

    def step(optimiser, loss, overflow=False):
        optimiser.zero_grad()
        scaler.scale(loss).backward()
        if overflow:
            gan.G[0].weight.grad[7] = float("inf")
        scaler.step(optimiser)
        scaler.update()

    z = gan.noise(0)
    for overflow in (False, True):
        step(gan.opt_D, gan.D(gan.G(z).detach()).mean() - gan.D(gan.real()).mean())
        scores = gan.D(gan.G(z))
        masks = method.generator.masks.flat.clone()
        step(gan.opt_G, -scores.mean(), overflow)
        if not overflow:
            method.after_generator_step(scores, z=z, real=gan.real())
    assert method.generator.steps == 1
    with pytest.raises(SparseganError, match="made 0 steps"):
        method.after_generator_step(scores, z=z, real=gan.real())
    assert torch.equal(method.generator.masks.flat, masks)


CHANGES = {
    "added": lambda gan: gan.G.append(nn.Conv2d(1, 1, 1)),
    "pruned": lambda gan: prune.l1_unstructured(gan.G[0], "weight", 0.5),
    "pruned in D": lambda gan: prune.l1_unstructured(gan.D[0], "weight", 0.5),
    "spectral norm": lambda gan: nn.utils.parametrizations.spectral_norm(gan.D[0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_networks_that_change_while_attached_are_refused_in_a_sentence(name):
    gan = ToyGan()
    method = attached(gan)
    iteration(gan, method)
    CHANGES[name](gan)
    with pytest.raises(SparseganError, match="detach"):
        iteration(gan, method)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_script_is_refused_in_a_sentence_and_works_once_detached():
    gan = ToyGan()
    method = attached(gan)
    with pytest.raises(SparseganError, match=r"detach\(\) its method first"):
        torch.jit.script(gan.G)
    method.detach()
    torch.jit.script(gan.G)


def test_sharded_weights_are_refused():
    class FullyShardedDataParallel(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    gan = ToyGan()
    gan.G = FullyShardedDataParallel(gan.G)
    with pytest.raises(SparseganError, match="sharded over processes"):
        attached(gan)


@pytest.mark.parametrize("change", [lambda m: m.double(), lambda m: m.to(torch.bfloat16)])
def test_another_type_of_number_keeps_the_masks(change):
    gan = ToyGan()
    method = attached(gan, ema_decay=None)
    iteration(gan, method)
    change(gan.G)
    assert not int(method.generator.masks.nonzero_inactive().sum())


def test_an_average_beside_the_network_breaks_nothing():
    gan = ToyGan()
    method = attached(gan)
    average = AveragedModel(gan.G)
    for _ in range(4):
        assert not iteration(gan, method).warnings
        average.update_parameters(gan.G)
