"""A sparse network's state: saved whole, and carried on to the same bits."""

import copy
import math

import pytest
import torch
from torch import nn, optim

from sparsegan import Masks, SparseganError, SparseNetwork


def sparse():
    torch.manual_seed(5)
    module = nn.Sequential(nn.Linear(6, 6), nn.Conv2d(2, 3, 3))
    masks = Masks(module, 0.4, generator=torch.Generator().manual_seed(0))
    return SparseNetwork(module, optim.Adam(module.parameters(), lr=0.05), masks)


def step(network, seed):
    """One step of the optimiser, whose dense gradient is kept to grow by."""
    network.growth_gradient_due = lambda: True
    rng = torch.Generator().manual_seed(seed)
    for parameter in network.module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=rng)
    network.optimizer.step()


def test_a_saved_state_carries_on_to_the_same_bits():
    one, other = sparse(), sparse()
    step(one, 1)
    saved = copy.deepcopy([one.module.state_dict(), one.optimizer.state_dict(), one.state_dict()])
    other.module.load_state_dict(saved[0])
    other.optimizer.load_state_dict(saved[1])
    other.load_state_dict(saved[2])
    for network in (one, other):
        rng = torch.Generator().manual_seed(2)
        network.rewire(0.5, growth="gradient", scope="network", rounding="floor", generator=rng)
        step(network, 2)
    assert one.steps == other.steps == 2
    assert torch.equal(one.masks.flat, other.masks.flat)
    assert torch.equal(one.masks.weights(), other.masks.weights())


@pytest.mark.parametrize("lost", ["masks", "steps", "growth_gradient"])
def test_a_state_that_is_not_whole_is_refused(lost):
    network = sparse()
    state = network.state_dict()
    del state[lost]
    with pytest.raises(SparseganError, match=f"the saved state lacks {lost}"):
        network.load_state_dict(state)


def test_the_size_of_a_gradient_that_waits_is_saved_and_older_states_have_none():
    one, other = sparse(), sparse()
    without = one.state_dict()
    for network in (one, other):
        network.gradient_size_due = lambda: True
    step(one, 1)
    other.load_state_dict(one.state_dict())
    assert other.take_gradient_size() == one.take_gradient_size() > 0
    step(other, 1)
    other.load_state_dict(without)
    assert math.isnan(other.take_gradient_size())
