"""What masks take of a network: counts by hand, and a reason for all that is left."""

import pytest
from torch import nn
from torch.nn.utils import parametrizations

from sparsegan.sparsity import maskable_layers
from sparsegan.sparsity.coverage import coverage


def _coverage(network, include="adapt"):
    return coverage(network, maskable_layers(network, include), include)


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 5)
        self.heads = nn.MultiheadAttention(4, 2)
        self.table = nn.Embedding(7, 3)
        self.norm = nn.BatchNorm2d(6)
        self.constant = nn.Parameter(nn.Linear(3, 3).weight.detach())
        self.classifier = nn.Sequential(nn.Linear(2, 9))
        self.conv = parametrizations.spectral_norm(nn.Conv2d(1, 2, 3))
        self.tied = nn.Linear(3, 7)
        self.tied.weight = self.table.weight


def test_every_parameter_is_counted_once_and_has_a_reason():
    network = Mixed()
    coverage = _coverage(network)
    assert coverage.parameters == sum(p.numel() for p in network.parameters())
    assert coverage.masked == sum(x.parameter.numel() for x in maskable_layers(network, "adapt"))
    assert coverage.masked + sum(one.size for one in coverage.left_out) == coverage.parameters
    assert [one.size for one in coverage.left_out] == sorted(
        (one.size for one in coverage.left_out), reverse=True
    )
    reasons = {one.name: one.reason for one in coverage.left_out}
    assert reasons["rnn.weight_hh_l0"].startswith("GRU is not masked")
    assert reasons["heads.in_proj_weight"].startswith("MultiheadAttention is not masked")
    assert reasons["norm.weight"].startswith("BatchNorm2d is not masked")
    assert reasons["constant"].startswith("a parameter of Mixed itself")
    assert reasons["conv.bias"] == "biases are not masked"
    assert reasons["classifier.0.weight"] == (
        "rule 'adapt' leaves out names with 'classifier' (maskable 'weights' takes all)"
    )
    assert not {"table.weight", "conv.weight", "heads.out_proj.weight"} & reasons.keys()


@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, parametrizations.spectral_norm])
def test_either_form_of_spectral_norm_is_masked(norm):
    coverage = _coverage(nn.Sequential(norm(nn.Linear(4, 5)), norm(nn.Linear(5, 1))))
    assert coverage.masked == 25
    assert {one.name for one in coverage.left_out} == {"0.bias", "1.bias"}


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ("stu-gan", "rule 'stu-gan' takes two-dimensional convolutions alone"),
        (lambda name, _: name == "1", "include= leaves it out"),
    ],
)
def test_other_rules_say_what_they_are(include, reason):
    network = nn.Sequential(nn.Linear(8, 9), nn.Conv2d(1, 1, 1))
    network.append(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    coverage = _coverage(network, include)
    assert coverage.masked == 1
    reasons = {one.name: one.reason for one in coverage.left_out}
    assert reasons["0.weight"].startswith(reason)
    assert reasons["2.weight"].startswith(reason)


def test_the_largest_are_told_and_what_is_negligible_is_not():
    network = nn.Sequential(nn.Linear(2, 2), nn.GRU(20, 20), nn.BatchNorm2d(3))
    coverage = _coverage(network)
    assert coverage.largest() == (
        "1.weight_ih_l0 (1,200), 1.weight_hh_l0 (1,200), 1.bias_ih_l0 (60): "
        "GRU is not masked, only linear layers and convolutions are"
    )
    network = nn.Sequential(nn.Linear(2, 2), nn.GRU(200, 200), nn.BatchNorm2d(3))
    assert "bias" not in _coverage(network).largest()


def test_the_share_that_is_there_follows_the_density():
    coverage = _coverage(nn.Sequential(nn.Linear(10, 10, bias=False), nn.Embedding(30, 10)))
    assert coverage.share == 0.25
    assert coverage.nonzero(0.1) == pytest.approx((10 + 300) / 400)
    assert "hold 25% of its 400 parameters" in coverage.sentence("generator", 0.1)
    assert "at density 0.1 78% of all may be non-zero" in coverage.sentence("generator", 0.1)
