"""The look at all weights, and at what a network consists of."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from sparsegan import Masks, SparseganError
from sparsegan.sparsity.promise import Promise


@pytest.fixture
def network(device):
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 5)).to(device)


def inactive(masks, name, number):
    """The first so many inactive places of a layer, as indices of its weight."""
    return (~masks[name]).nonzero()[:number].unbind(1)


def known(promise, *steps):
    """All that looks at these steps make known."""
    return [breach for step in steps for breach in promise.look(step)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("value", [1.0, -1e-30, float("nan"), float("inf")])
def test_each_inactive_weight_that_is_not_zero_is_counted(network, value, dtype):
    network.to(dtype)
    masks = Masks(network, 0.3)
    promise = Promise(network, masks)
    with torch.no_grad():
        network[0].weight.data[inactive(masks, "0", 2)] = value
        network[2].weight[inactive(masks, "2", 3)] = value
    breaches = known(promise, 7, 8)
    assert (breaches[0].step, breaches[0].counts) == (7, {"0": 2, "2": 3})
    assert breaches[0].total == 5
    assert str(breaches[0]) == "5 inactive weights (of 0, 2)"


def test_nothing_is_said_of_a_network_that_keeps_it(network):
    masks = Masks(network, 0.3)
    promise = Promise(network, masks)
    with torch.no_grad():
        network[0].weight[masks["0"]] = float("inf")  # an active weight may be anything
        network[2].weight[~masks["2"]] = -0.0
    assert not known(promise, 1, 2, 3)


def test_a_dense_network_has_nothing_to_keep(network):
    assert not known(Promise(network, Masks(network, 1.0)), 1, 2)


def test_a_look_after_the_masks_have_moved_is_by_the_new_ones(network):
    masks = Masks(network, 0.5)
    promise = Promise(network, masks)
    masks.replace(~masks.flat)
    assert not known(promise, 1, 2)
    with torch.no_grad():
        network[2].weight.fill_(1)
    assert known(promise, 3, 4)[0].counts == {"2": int((~masks["2"]).sum())}


CHANGES = {
    "has a parameter 3.weight": lambda net: net.append(nn.Linear(5, 5)),
    "lacks the parameter 2.bias": lambda net: net[2].register_parameter("bias", None),
    "has a parameter 2.weight_orig": lambda net: prune.l1_unstructured(net[2], "weight", 0.5),
    "2.parametrizations.weight.original0": lambda net: parametrizations.weight_norm(net[2]),
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_a_network_with_other_parameters_is_refused_by_name(network, sentence):
    promise = Promise(network, Masks(network, 0.3))
    promise.require_same_structure()
    CHANGES[sentence](network)
    with pytest.raises(SparseganError, match=sentence):
        promise.require_same_structure()


def test_a_further_reparametrisation_of_a_masked_weight_is_refused(network):
    parametrizations.spectral_norm(network[2])
    promise = Promise(network, Masks(network, 0.3))
    parametrize.register_parametrization(network[2], "weight", nn.Identity())
    with pytest.raises(SparseganError, match="the weight of 2 is made by a reparametrisation"):
        promise.require_same_structure()
