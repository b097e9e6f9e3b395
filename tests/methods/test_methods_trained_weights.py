"""Weights that had been trained before masks were drawn."""

import copy
import logging

import pytest
import torch
from torch import nn, optim

from sparsegan import Sdst, SparseganError, Static
from sparsegan.methods.trained_weights import TrainedWeights
from sparsegan.sparsity.maskable import maskable_layers
from toy_gan import ToyGan, discriminator, generator


def attached(gan):
    return Sdst(*gan.parts, steps=20, balance_every=100, generator_density=0.3, interval=2)


def test_masking_a_trained_network_is_told_with_the_number_of_weights(caplog):
    gan = ToyGan()
    gan.discriminator_step()
    before = sum(int((gan.D[i].weight != 0).sum()) for i in (0, 2, 5))
    method = attached(gan)
    lost = before - method.discriminator.masks.active
    assert f"have set {lost:,} of its {before:,} weights to zero" in caplog.text
    assert "the discriminator's optimiser has made steps" in caplog.text


def test_a_new_network_is_masked_without_a_word(caplog):
    with caplog.at_level(logging.WARNING):
        attached(ToyGan())
    assert not caplog.text


def test_masks_for_weights_that_are_gone_are_refused():
    gan = ToyGan()
    method = attached(gan)
    for _ in range(3):
        gan.run(method, 1)
    weights, state = copy.deepcopy((gan.G.state_dict(), gan.D.state_dict())), method.state_dict()
    method.detach()
    again = attached(gan)  # on the trained networks: their weights are lost by this
    with pytest.raises(SparseganError, match="build the method first"):
        again.load_state_dict(state)
    gan.G.load_state_dict(weights[0])
    gan.D.load_state_dict(weights[1])
    again.load_state_dict(state)
    assert all(torch.equal(gan.G.state_dict()[k], v) for k, v in weights[0].items())


def test_dense_weights_loaded_under_masks_are_told_with_their_number(caplog):
    gan = ToyGan()
    gan.opt_G, gan.opt_D = (optim.Adam(n.parameters()) for n in (gan.G, gan.D))
    method = Static(*gan.parts, steps=5, generator_density=0.2)
    gan.G.load_state_dict(generator().state_dict())
    gan.D.load_state_dict(discriminator().state_dict())
    count = int(method.generator.masks.nonzero_inactive().sum())
    assert count
    gan.G(gan.noise(0))
    assert f"{count:,} of the weights that were loaded are inactive" in caplog.text


def test_batches_that_batch_normalisation_has_seen_are_evidence():
    network = nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4))
    arguments = network, optim.Adam(network.parameters()), maskable_layers(network, "weights")
    assert TrainedWeights.of("generator", *arguments) is None
    network(torch.randn(5, 3))
    trained = TrainedWeights.of("generator", *arguments)
    assert trained.evidence == "the generator's batch normalisation has seen batches"
    assert (trained.count, trained.lost()) == (12, 0)
    with torch.no_grad():
        network[0].weight[1:] = 0
    assert trained.lost() == 9
    assert "have set 9 of its 12 weights to zero" in str(trained)
