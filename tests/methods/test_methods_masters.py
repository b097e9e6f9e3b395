"""Two masks, or a mask and an optimiser that knows nothing of it, never fight over a weight."""

import copy

import pytest
import torch
from torch import nn, optim

from sparsegan import Sdst, SparseganError
from sparsegan.methods.masters import require_trainable
from sparsegan.sparsity.maskable import maskable_layers
from toy_gan import ToyGan


def attached(gan):
    return Sdst(*gan.parts, steps=20, generator_density=0.3)


def test_one_weight_has_one_optimiser():
    gan = ToyGan()
    gan.opt_G = optim.Adam([*gan.G.parameters(), *gan.D.parameters()])
    before = copy.deepcopy(gan.D.state_dict())
    with pytest.raises(SparseganError, match="generator's optimiser holds the discriminator's wei"):
        attached(gan)
    assert all(torch.equal(gan.D.state_dict()[k], v) for k, v in before.items())
    gan = ToyGan()
    gan.opt_D.add_param_group({"params": gan.G.parameters()})
    with pytest.raises(SparseganError, match="discriminator's optimiser holds the generator's wei"):
        attached(gan)


def test_one_weight_has_one_network():
    gan = ToyGan()
    shared = nn.Linear(8, 8)
    gan.G, gan.D = nn.Sequential(nn.Linear(6, 8), shared), nn.Sequential(shared, nn.Linear(8, 1))
    gan.opt_G, gan.opt_D = optim.Adam(gan.G.parameters()), optim.Adam(gan.D.parameters())
    with pytest.raises(SparseganError, match=r"share the weight of 1 \(0 in the discriminator\)"):
        attached(gan)


def test_single_frozen_layers_are_refused_and_a_frozen_network_is_told_of(caplog):
    gan = ToyGan()
    gan.D[0].requires_grad_(False)
    with pytest.raises(SparseganError, match=r"layers of the discriminator are frozen \(0:"):
        attached(gan)
    gan.D.requires_grad_(False)
    attached(gan)
    assert "all masked layers of the discriminator are frozen" in caplog.text


def test_of_many_frozen_layers_the_first_are_named_and_their_weights_counted():
    network = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(6)))
    with torch.no_grad():
        network[1].weight[0] = 0
    layers = maskable_layers(network, "weights")
    network[:5].requires_grad_(False)
    with pytest.raises(SparseganError, match=r"\(0, 1, 2 and 2 more: .* of their 76 weights"):
        require_trainable("generator", layers, 0.5)
    assert require_trainable("generator", layers, 1) == [], "a full mask leaves nothing out"
    network.requires_grad_(True)
    assert require_trainable("generator", layers, 0.5) == []
