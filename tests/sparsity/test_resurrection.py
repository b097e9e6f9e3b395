"""Grown weights that take up former values, against a memory of every step in plain tensors."""

import copy

import pytest
import torch
from torch import nn, optim

from sparsegan import Masks, SparseganError, SparseNetwork
from sparsegan.sparsity.resurrection import FormerWeights


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _sparse(granularity="weight", resurrects=True):
    torch.manual_seed(5)
    module = nn.Sequential(nn.Linear(6, 8), nn.Conv2d(2, 4, 3))
    masks = Masks(module, 0.4, granularity=granularity, generator=_rng())
    network = SparseNetwork(module, optim.Adam(module.parameters(), lr=0.05), masks)
    network.growth_gradient_due = lambda: True
    if resurrects:
        network.resurrect()
    return network


def _step(network, seed):
    for number, parameter in enumerate(network.module.parameters()):
        parameter.grad = torch.randn(parameter.shape, generator=_rng(100 * seed + number))
    network.optimizer.step()


def _move(network, seed):
    """Rewire, and in turns raise and lower the density."""
    rewired = network.rewire(
        0.4, growth="gradient", scope="network", rounding="floor", generator=_rng(seed)
    )
    by = 12 if seed % 2 else -12
    active = network.masks.active + by
    return rewired, network.resize(active, growth="random", generator=_rng(seed))


@pytest.mark.parametrize("granularity", ["weight", "block"])
def test_grown_weights_are_what_they_were_when_last_active(granularity):
    network = _sparse(granularity)
    masks = network.masks
    memory = torch.where(masks.flat, masks.weights(), 0.0)
    back = 0
    for seed in range(8):
        _step(network, seed)
        memory = torch.where(masks.flat, masks.weights(), memory)  # as published: at every step
        for change in _move(network, seed):
            weights = masks.weights()
            assert torch.equal(weights, torch.where(masks.flat, memory, 0.0))
            assert change.resurrected is not None
            assert change.resurrected <= change.grown
            back += change.resurrected
    assert back > 0


def test_what_comes_back_is_counted_and_what_was_never_active_is_not():
    network = _sparse()
    ever = network.masks.flat.clone()
    counts = []
    for seed in range(5):
        _step(network, seed)
        before = network.masks.flat.clone()
        change = network.rewire(
            0.5, growth="random", scope="layer", rounding="ceil", generator=_rng(seed)
        )
        grown = network.masks.flat & ~before
        counts.append((change.resurrected, int((grown & ever).sum())))
        assert not network.masks.weights()[grown & ~ever].any()
        ever |= network.masks.flat
    assert all(counted == expected for counted, expected in counts)
    assert counts[-1][0] > 0


def test_without_it_grown_weights_are_zero_and_nothing_is_counted():
    network = _sparse(resurrects=False)
    for seed in range(3):
        _step(network, seed)
        before = network.masks.flat.clone()
        change = network.rewire(
            0.5, growth="random", scope="layer", rounding="ceil", generator=_rng(seed)
        )
        assert change.resurrected is None
        assert not network.masks.weights()[network.masks.flat & ~before].any()
    assert "former_weights" not in network.state_dict()


def test_a_saved_state_carries_on_to_the_same_bits():
    one, other = _sparse(), _sparse()
    for seed in range(3):
        _step(one, seed)
        _move(one, seed)
    saved = copy.deepcopy([one.module.state_dict(), one.optimizer.state_dict(), one.state_dict()])
    other.module.load_state_dict(saved[0])
    other.optimizer.load_state_dict(saved[1])
    other.load_state_dict(saved[2])
    for seed in range(3, 6):
        changes = []
        for network in (one, other):
            _step(network, seed)
            changes.append(_move(network, seed))
        assert changes[0] == changes[1]
        assert torch.equal(one.masks.weights(), other.masks.weights())
    del saved[2]["former_weights"]
    with pytest.raises(SparseganError, match="the saved state lacks former_weights"):
        other.load_state_dict(saved[2])


def test_memory_follows_the_weights_to_their_precision():
    module = nn.Linear(4, 4, bias=False).double()
    masks = Masks(module, 0.5, generator=_rng())
    former = FormerWeights(masks)
    former.load(torch.ones(16))
    assert former.restore(masks.flat) == 8
    assert torch.equal(masks.weights(), masks.flat.double())
