"""A network is measured in the middle of its training and nothing tells that it was."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from sparsegan.undisturbed import undisturbed


@pytest.fixture
def network():
    legacy = nn.utils.spectral_norm(nn.Linear(4, 3))
    modern = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3))
    return nn.Sequential(legacy, nn.BatchNorm1d(3), nn.Dropout(), modern)


def states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def test_buffers_modes_and_random_states_are_as_before(network):
    network(torch.randn(5, 4))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    ours = dict(network.named_buffers())
    random_before, weight = states(), network[0].weight
    with undisturbed(network):
        network(torch.randn(5, 4))
        network.eval()
        random.random(), np.random.rand(), torch.rand(1)
        assert not torch.equal(network[1].running_mean, before["1.running_mean"])
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert all(buffer is ours[name] for name, buffer in network.named_buffers())
    assert network[0].weight is weight  # what the older spectral norm sets
    assert all(module.training for module in network.modules())
    assert states() == random_before


def test_so_they_are_where_a_later_layer_fails(network):
    network.append(nn.Linear(1, 1))
    mean = network[1].running_mean.clone()
    with pytest.raises(RuntimeError), undisturbed(network):
        network(torch.randn(5, 4))
    assert torch.equal(network[1].running_mean, mean)
