"""Pruning after training, against a GAN that is pruned by hand."""

import pytest
import torch

from pruned_by_hand import PrunedByHand, require_same
from sparsegan import Prune, SparseganError
from toy_gan import ToyGan, require_sparse

KEPT = {"balance_every": 99, "engine": "masked"}


@pytest.mark.parametrize("spectral_norm", ["none", "legacy", "parametrized"])
@pytest.mark.parametrize("d_first", [True, False])
@pytest.mark.parametrize("discriminator_density", [None, 0.4])
def test_it_is_dense_training_with_one_pruning_by_magnitude(
    spectral_norm, d_first, discriminator_density
):
    gan, by_hand = (
        one(spectral_norm=spectral_norm, d_first=d_first) for one in (ToyGan, PrunedByHand)
    )
    method = Prune(
        *gan.parts,
        steps=12,
        discriminator_density=discriminator_density,
        from_average=False,
        **KEPT,
    )
    events = gan.run(method, 12)
    by_hand.train(8)  # two thirds
    if not d_first:  # the pruning is between G's step and D's
        by_hand = PrunedByHand(spectral_norm=spectral_norm, d_first=False)
        by_hand.train(7)
        by_hand.step += 1
        by_hand.generator_step()
    by_hand.prune("G", by_hand.count("G", 0.1))
    if discriminator_density:
        by_hand.prune("D", by_hand.count("D", 0.4))
    if not d_first:
        by_hand.discriminator_step()
        by_hand.clear()
    by_hand.train(4)
    require_same(gan, method, by_hand)
    require_sparse(method.generator)
    require_sparse(method.discriminator)
    names = ["generator", "discriminator"][: 2 if discriminator_density else 1]
    assert [(e.step, [c.network for c in e.changes]) for e in events if e.changes] == [(8, names)]
    for change in events[7].changes:
        assert (change.reason, change.grown) == ("prune", 0)
        assert change.dropped == change.total - change.active


def test_the_generator_is_pruned_from_its_average_and_goes_on_from_it():
    gan, by_hand = ToyGan(), PrunedByHand()
    gan.run(Prune(*gan.parts, steps=12, prune_at=0.5, ema_decay=0.7, **KEPT), 6)
    averages = {name: value.detach().clone() for name, value in by_hand.G.named_parameters()}
    for _ in range(6):
        by_hand.train(1)
        for name, value in by_hand.G.named_parameters():
            averages[name] += 0.3 * (value.detach() - averages[name])
    with torch.no_grad():
        for name, value in by_hand.G.named_parameters():
            value.copy_(averages[name])
    by_hand.prune("G", by_hand.count("G", 0.1))
    for name, ours in gan.G.named_parameters():
        theirs = by_hand.G.get_parameter(name)
        assert torch.equal(ours != 0, theirs != 0), name
        torch.testing.assert_close(ours, theirs, msg=name)


def test_without_an_average_it_is_pruned_from_its_weights():
    gan = ToyGan()
    method = Prune(*gan.parts, steps=6, balance_every=99, ema_decay=None)
    gan.run(method, 6)
    assert method.generator.masks.density == pytest.approx(0.1, abs=1e-3)


def test_what_goes_at_one_time_is_known_ahead():
    settings = Prune.Settings(generator_density=0.2, discriminator_density=1.0, prune_at=0.25)
    assert list(settings.scheduled(1000)) == [(250, "generator", 0.2)]
    assert settings.densities() == (1.0, 1.0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"prune_at": 0.0}, "prune_at is 0.0"),
        ({"prune_at": 1.0}, "prune_at is 1.0"),
        ({"prune_at": 0.01}, "prune_at is 0.01 of 12 steps"),
        ({"generator_density": 0.0}, "generator_density is 0.0"),
        ({"discriminator_density": 1.5}, "discriminator_density is 1.5"),
        ({"generator_density": None}, "generator_density is None"),
        ({"prune": 1}, "unknown setting 'prune'"),
    ],
)
def test_what_cannot_work_is_refused(wrong, sentence):
    with pytest.raises(SparseganError, match=sentence):
        Prune(*ToyGan().parts, steps=12, **wrong)


def test_single_layers_that_are_frozen_are_refused_as_they_would_be_pruned():
    gan = ToyGan()
    gan.G[0].weight.requires_grad_(False)
    with pytest.raises(SparseganError, match="frozen"):
        Prune(*gan.parts, steps=12)
