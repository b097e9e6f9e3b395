"""Counting the cost of a network leaves no trace in it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sparsegan.cost.untouched import untouched


class Stateful(nn.Module):
    """Whatever a forward can change: statistics, both spectral norms, buffers, random state."""

    def __init__(self):
        super().__init__()
        self.old = nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))
        self.norm = nn.BatchNorm2d(4)
        self.new = parametrizations.spectral_norm(nn.Linear(4, 2))
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        self.calls = self.calls + 1  # replaces the buffer
        self.mean.mul_(0.9).add_(x.mean((0, 2, 3)))  # writes into it
        self.last = x.mean()  # a tensor as a plain attribute
        x = F.dropout(x + torch.randn_like(x), 0.5, self.training)
        return self.new(self.norm(self.old(x)).mean((2, 3)))

    def train(self, mode=True):
        raise AssertionError("a layer's own train() may do more than set the mode")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Stateful()


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_bit_equal_afterwards(net, trained, fails):
    x = torch.randn(4, 3, 6, 6)
    if trained:
        net(x).sum().backward()
    net.norm.training = False
    state = {key: value.clone() for key, value in net.state_dict().items()}
    buffers = [id(b) for b in net.buffers()]
    modes = [m.training for m in net.modules()]
    attributes = {name: id(value) for name, value in vars(net).items()}
    weight, value = net.old.weight, net.old.weight.detach().clone()
    random_state = torch.get_rng_state()

    try:
        with untouched(net):
            assert not any(m.training for m in net.modules())
            assert not net(x).requires_grad
            assert net.calls == 1 + trained
            assert not torch.get_rng_state().equal(random_state)
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails

    assert torch.get_rng_state().equal(random_state)
    assert [m.training for m in net.modules()] == modes
    assert [id(b) for b in net.buffers()] == buffers
    assert {name: id(value) for name, value in vars(net).items()} == attributes
    assert net.state_dict().keys() == state.keys()
    assert all(net.state_dict()[key].equal(state[key]) for key in state)
    assert net.old.weight is weight
    assert weight.equal(value)
