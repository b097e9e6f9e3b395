"""Weights that are used outside of their layer's call, counted as those of a call are."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sparsegan import cost

E, L = 8, 5


def by_name(network, *inputs):
    return {c.name: c for c in cost.layers(network, *inputs)}


class Around(nn.Module):
    """A layer whose weight a function uses in its place."""

    def __init__(self, layer, function):
        super().__init__()
        self.layer = layer
        self.function = function

    def forward(self, x):
        return self.function(x, self.layer)


def modulated(x, layer):
    weight = layer.weight[None] * torch.randn(1, 1, 4, 1, 1)
    weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
    return F.conv2d(x.view(1, 4, 6, 6), weight.flatten(0, 1), layer.bias, padding=1)


FUNCTIONS = {
    "linear": (nn.Linear(E, 3), (L, E), lambda x, m: F.linear(x, m.weight, m.bias)),
    "at": (nn.Linear(E, 3, bias=False), (L, E), lambda x, m: x @ m.weight.T),
    "scaled": (nn.Linear(E, 3, bias=False), (L, E), lambda x, m: x @ (0.5 * m.weight).T),
    "einsum": (
        nn.Linear(E, 3, bias=False),
        (L, E),
        lambda x, m: torch.einsum("nle,oe->nlo", x, m.weight),
    ),
    "modulated": (nn.Conv2d(4, 6, 3, padding=1), (4, 6, 6), modulated),
    "transposed": (
        nn.ConvTranspose2d(4, 6, 4, 2, 1),
        (4, 6, 6),
        lambda x, m: F.conv_transpose2d(x, m.weight, m.bias, 2, 1),
    ),
    "spectral norm": (
        parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)),
        (4, 6, 6),
        lambda x, m: F.conv2d(x, m.weight, m.bias),
    ),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_weight_costs_the_same_in_a_function_as_in_a_call(function, device):
    layer, shape, call = FUNCTIONS[function]
    x = torch.randn(1, *shape)
    (expected,) = cost.layers(Around(layer, lambda x, m: m(x)), x)
    around = copy.deepcopy(Around(layer, call)).to(device)
    with torch.device(device):  # where the styles are drawn
        assert cost.layers(around, x.to(device)) == [expected]
    assert expected.macs > 0
    assert expected.unseen == 0


class Attention(nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.att = nn.MultiheadAttention(E, 2, batch_first=True, **sizes)

    def forward(self, x, memory):
        return self.att(x, memory, memory)[0]


@pytest.mark.parametrize("same", [True, False])
def test_multi_head_attention(same):
    network, x = Attention(), torch.randn(1, L, E)
    memory = x if same else torch.randn(1, 7, E)
    of = by_name(network, x, memory)
    places = memory.shape[1]
    att, out = of["att"], of["att.out_proj"]
    assert att.macs == (L + 2 * places) * E * E
    assert att.bias_adds == (L + 2 * places) * E
    assert att.products == 2 * L * places * E
    assert (att.weights, att.bare_weights) == (0, 3 * E * E)
    assert att.other_parameters == 3 * E * E + 3 * E
    assert (out.weights, out.macs, out.bias_adds) == (E * E, L * E * E, L * E)
    assert [c.unseen for c in of.values()] == [0, 0]
    assert torch.backends.mha.get_fastpath_enabled()
    assert cost.forward([att, out], {"att.out_proj": 0.5}) == (
        att.macs + att.bias_adds + att.products + out.macs / 2 + out.bias_adds
    )


class Own(nn.Module):
    """A learned constant, a bare weight, a hypernetwork's weight and a layer without use."""

    def __init__(self):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, L, E))
        self.matrix = nn.Parameter(torch.randn(E, 3))
        self.low, self.high = nn.Linear(2, E), nn.Linear(E, 2)
        self.unused = nn.Linear(4, 5)

    def forward(self, x):
        computed = self.high.weight.T @ self.low.weight.T
        return F.linear(x + self.constant, computed) @ self.matrix


def test_bare_weights_computed_weights_and_what_is_not_used():
    of = by_name(Own(), torch.randn(1, L, E))
    own = of["weight"]
    assert own.macs == L * E * E + L * E * 3
    assert (own.bare_weights, own.unseen) == (E * 3, L * E)
    assert (of["unused"].macs, of["unused"].unseen) == (0, 20)
