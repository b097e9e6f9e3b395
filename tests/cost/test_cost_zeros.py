"""Whether zeros of a weight reach the product, by values: what is said is what comes out."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sparsegan import cost
from sparsegan.cost.zeros import loses_zeros, lost_zeros

FUNCTIONS = {nn.Linear: F.linear, nn.Conv1d: F.conv1d, nn.Conv2d: F.conv2d}


def layer(remake, kind=nn.Conv2d):
    """A layer that computes with what a function makes of its weight."""

    class Remade(kind):
        def forward(self, x):
            return FUNCTIONS[kind](x, remake(self.weight), self.bias)

    return Remade(6, 4) if kind is nn.Linear else Remade(6, 4, 3)


def standardised(w):
    deviation = w.std((1, 2, 3), keepdim=True)
    return (w - w.mean((1, 2, 3), keepdim=True)) / (deviation + 1e-5)


def by_batch_norm(w):
    rows = w.reshape(1, len(w), -1)
    return F.batch_norm(rows, None, None, training=True).reshape_as(w)


def by_variance(w):
    variance, mean = torch.var_mean(w, dim=(1, 2, 3), keepdim=True)
    return torch.rsqrt(variance + 1e-5) * (w - mean)


LOST = {
    "standardised": standardised,
    "by batch norm": by_batch_norm,
    "by variance": by_variance,
    "row by row": lambda w: torch.stack([row - row.mean() for row in w.unbind(0)]),
    "in place": lambda w: w.clone().sub_(w.mean()),
    "shifted": lambda w: w + 0.1,
    "softmax": lambda w: w.softmax(1),
    "sigmoid": torch.sigmoid,
    "low rank added": lambda w: w + (torch.ones(len(w), 1) @ torch.ones(1, 54)).view_as(w),
    "bounded away": lambda w: w.clamp(min=0.1),
    "inverse": lambda w: 1 / (1 + w),
}
KEPT = {
    "itself": lambda w: w,
    "equalised": lambda w: w * 0.3,
    "demodulated": lambda w: w * torch.rsqrt(w.square().sum((1, 2, 3), keepdim=True) + 1e-8),
    "normalised": lambda w: w / w.norm(),
    "row by row": lambda w: torch.stack([row / row.norm() for row in w.unbind(0)]),
    "rounded, straight through": lambda w: (torch.round(w) - w).detach() + w,
    "signs": lambda w: w.sign() * w.abs().mean(),
    "pruned": lambda w: w.masked_fill(w.abs() < 0.01, 0.0),
    "dropped": lambda w: F.dropout(w, 0.5, training=True),
    "bounded": lambda w: w.clamp(-0.1, 0.1),
    "cast": lambda w: w.bfloat16().float(),
}
REMADE = [*((name, f, True) for name, f in LOST.items()), *((n, f, False) for n, f in KEPT.items())]


@pytest.mark.parametrize(("name", "remake", "lost"), REMADE)
def test_what_is_said_of_zeros_is_so(name, remake, lost):
    weight = layer(remake).weight.detach()
    zeros = torch.rand(weight.shape) < 0.8
    remade = remake(weight.masked_fill(zeros, 0.0))
    assert bool(remade[zeros].any()) == lost
    assert loses_zeros(layer(remake)) == lost
    x = torch.zeros(1, 6, 5, 5)
    [counted] = cost.layers(layer(remake), x)
    assert counted.filled == lost
    with torch.device("meta"):
        [counted] = cost.layers(layer(remake), x.to("meta")) if "rank" not in name else [counted]
    assert counted.filled == lost


@pytest.mark.parametrize("kind", [nn.Linear, nn.Conv1d])
def test_other_kinds_of_layers(kind):
    assert loses_zeros(layer(lambda w: w - w.mean(), kind))
    assert loses_zeros(layer(lambda w: w / w.norm(), kind)) is False


@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_is_a_scaling_and_hides_nothing(norm):
    assert loses_zeros(norm(nn.Conv2d(6, 4, 3))) is False
    assert loses_zeros(norm(layer(standardised)))


class Styled(nn.Conv2d):
    def forward(self, x, style):
        return F.conv2d(x * style, standardised(self.weight), self.bias)


class Initialised(nn.Conv2d):
    """A layer whose first forward sets something up."""

    ready = False

    def forward(self, x):
        if not self.ready:
            self.ready = True
            self.weight.data.mul_(2)
        return F.conv2d(x, standardised(self.weight), self.bias)


def test_a_layer_that_cannot_be_called_alone_is_not_judged():
    assert loses_zeros(Styled(6, 4, 3)) is None


def test_the_look_at_a_layer_leaves_no_trace():
    module, calls = Initialised(6, 4, 3), []
    module.register_forward_hook(lambda *_: calls.append(1))
    before, state = module.weight.clone(), torch.get_rng_state()
    assert loses_zeros(module)
    assert not module.ready
    assert torch.equal(module.weight, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert not calls


def test_a_network_may_use_a_layers_weight_itself():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.remade, self.plain, self.styled = (
                nn.Linear(4, 4),
                nn.Linear(4, 4),
                Styled(1, 1, (2, 1)),
            )

        def forward(self, x):
            w = self.remade.weight
            h = self.plain(F.linear(x, w - w.mean(1, keepdim=True)).relu())
            return self.styled(h[:, None, :, None], 2.0)

    network = Network()
    counted = {c.name: c.filled for c in cost.layers(network, torch.zeros(1, 4))}
    assert counted == {"remade": True, "plain": False, "styled": True}
    weights = [network.remade.weight, network.plain.weight]
    with lost_zeros(weights) as lost:
        network(torch.randn(16, 4))
    assert lost == {id(network.remade.weight)}


def test_results_are_not_taken_for_weights():
    """A product of a weight may have the weight's own shape, and anything may be added to it."""
    weight = torch.randn(4, 4)
    with lost_zeros([weight]) as lost:
        F.linear((F.linear(torch.randn(4, 4), weight) + 1).relu(), weight)
        F.embedding(torch.arange(4), weight) @ torch.randn(4, 4)
        (torch.randn_like(weight) + 1) @ torch.randn(4, 4)
    assert not lost


def test_a_scaled_copy_of_several_samples_is_followed():
    weight, style = torch.randn(1, 4, 3, 1, 1), torch.randn(5, 1, 3, 1, 1)
    for shift, expected in ((0, set()), (1, {id(weight)})):
        with lost_zeros([weight]) as lost:
            remade = (weight - shift) * style
            F.conv2d(torch.randn(1, 15, 4, 4), remade.view(20, 3, 1, 1), groups=5)
        assert lost == expected


def test_such_a_layer_costs_what_it_costs_dense():
    network = nn.Sequential(layer(standardised), nn.Conv2d(4, 2, 1))
    counted = cost.layers(network, torch.zeros(1, 6, 5, 5))
    dense = cost.forward(counted)
    assert cost.forward(counted, {"0": 0.1}) == dense
    assert cost.forward(counted, {"0": 0.1, "1": 0.5}) == dense - counted[1].macs / 2
