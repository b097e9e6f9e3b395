"""What others do to a sparse network is noticed: a second method, another layer, loaded weights."""

import copy

import pytest
import torch
from torch import nn, optim
from torch.nn.utils import parametrizations

from sparsegan import Masks, SparseganError, SparseNetwork, Static
from toy_gan import ToyGan

NORMS = {
    "plain": lambda module: module,
    "legacy": torch.nn.utils.spectral_norm,
    "parametrized": parametrizations.spectral_norm,
}


def _sparse(module, density=0.3):
    optimizer = optim.Adam(module.parameters(), lr=0.01)
    masks = Masks(module, density, generator=torch.Generator().manual_seed(0))
    return SparseNetwork(module, optimizer, masks, kernels="masked")


def _step(network):
    network.module(torch.ones(2, 4)).sum().backward()
    network.optimizer.step()


def _inactive(network):
    """Values that ought to be zero."""
    return network.masks.weights()[~network.masks.flat]


def test_a_second_method_is_refused_until_the_first_is_detached():
    gan = ToyGan()
    before = gan.hooks()
    first = Static(*gan.parts, steps=9, generator_density=0.5, engine="masked")
    weights = gan.state()
    for wanted in (Static, lambda G, D, *rest, **s: Static(D, G, *rest[::-1], **s)):
        with pytest.raises(SparseganError, match=r"kept sparse already: call detach\(\)"):
            wanted(*gan.parts, steps=9, generator_density=0.1)
    assert all(torch.equal(gan.state()["G"][key], value) for key, value in weights["G"].items())
    first.detach()
    assert gan.hooks() == before
    second = Static(*gan.parts, steps=9, generator_density=0.1, engine="masked")
    gan.run(second, 1, ratio=0.5)
    assert not _inactive(second.generator).any()


def test_a_copy_of_the_network_is_free_and_copies_no_optimiser():
    network = _sparse(nn.Sequential(nn.Linear(4, 4)))
    other = copy.deepcopy(network.module)
    second = _sparse(other, 0.6)
    assert (network.masks.density, second.masks.density) == (0.3125, 0.625)
    assert second.optimizer is not network.optimizer


@pytest.mark.parametrize("norm", NORMS)
def test_a_replaced_layer_is_named_at_the_next_step(norm):
    network = _sparse(nn.Sequential(nn.Linear(4, 4), NORMS[norm](nn.Linear(4, 1))))
    _step(network)
    network.module[1] = NORMS[norm](nn.Linear(4, 1))
    with pytest.raises(SparseganError, match="layer 1 is not the one that was masked"):
        _step(network)


def test_a_replaced_weight_is_named_at_the_next_step():
    network = _sparse(nn.Linear(4, 1))
    _step(network)
    network.module.load_state_dict(nn.Linear(4, 1).state_dict(), assign=True)
    with pytest.raises(SparseganError, match=r"weight of weight is not the one .* assign=True"):
        _step(network)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("part", [None, "1"], ids=["whole", "layer"])
def test_loaded_dense_weights_are_masked_before_the_network_runs(norm, part):
    def make():
        return nn.Sequential(nn.Linear(4, 4), NORMS[norm](nn.Linear(4, 4)))

    network, dense = _sparse(make()), make()
    loaded = network.module if part is None else network.module.get_submodule(part)
    source = dense if part is None else dense.get_submodule(part)
    loaded.load_state_dict(source.state_dict())
    assert _inactive(network).any()
    network.module(torch.ones(2, 4))
    assert not _inactive(network).any()
    kept = network.masks.weights()[network.masks.flat]
    if part is None:
        own = Masks(dense, 1.0).weights()[network.masks.flat]
        assert torch.equal(kept, own)


def test_weights_and_then_their_masks_are_loaded_whole():
    saved, network = _sparse(nn.Linear(4, 8)), _sparse(nn.Linear(4, 8))
    saved.masks.replace(~saved.masks.flat)
    nn.init.ones_(saved.module.weight)
    saved.masks.apply_()
    network.module.load_state_dict(saved.module.state_dict())
    network.load_state_dict(saved.state_dict())
    network.module(torch.ones(2, 4))
    assert torch.equal(network.module.weight, saved.module.weight)


def test_masks_that_come_after_a_forward_are_refused_if_weights_were_lost():
    saved, network = _sparse(nn.Linear(4, 8)), _sparse(nn.Linear(4, 8))
    saved.masks.replace(~saved.masks.flat)
    nn.init.ones_(saved.module.weight)
    saved.masks.apply_()
    for harmless in (True, False):
        state = (network if harmless else saved).state_dict()
        network.module.load_state_dict(saved.module.state_dict())
        network.module(torch.ones(2, 4))
        if harmless:
            network.load_state_dict(state)
        else:
            with pytest.raises(SparseganError, match="load the weights again, then this state"):
                network.load_state_dict(state)
    network.module.load_state_dict(saved.module.state_dict())
    network.load_state_dict(saved.state_dict())
    assert torch.equal(network.module.weight, saved.module.weight)
