"""Snapshots: everything that training changes comes back, to the bit, and by way of a file."""

import copy

import pytest
import torch
from torch import nn, optim

from sparsegan import Masks, SparseganError, SparseNetwork
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.sparsity.snapshot import Snapshot
from toy_gan import ToyGan, discriminator, generator, require_equal

OPTIMISERS = [
    lambda parameters: optim.Adam(parameters, lr=0.01, betas=(0.5, 0.9)),
    lambda parameters: optim.Adam(parameters, lr=0.01, amsgrad=True),
    lambda parameters: optim.SGD(parameters, lr=0.01, momentum=0.9),
    lambda parameters: optim.RMSprop(parameters, lr=0.01),
    lambda parameters: optim.Adagrad(parameters, lr=0.01),
]


def steps(network, optimiser, count, seed=0):
    draw = torch.Generator().manual_seed(seed)
    for _ in range(count):
        optimiser.zero_grad()
        network(torch.randn(4, 1, 8, 8, generator=draw)).square().sum().backward()
        optimiser.step()


def state(network, optimiser):
    return copy.deepcopy([network.state_dict(), optimiser.state_dict()])


@pytest.mark.parametrize("made", OPTIMISERS)
@pytest.mark.parametrize("spectral_norm", ["none", "legacy", "parametrized"])
@pytest.mark.parametrize("trained", [0, 2])
def test_what_training_changed_comes_back(made, spectral_norm, trained, tmp_path):
    torch.manual_seed(0)
    network = discriminator(spectral_norm)
    optimiser = made(network.parameters())
    steps(network, optimiser, trained)
    before = state(network, optimiser)
    snapshot = Snapshot.of(network, optimiser)
    save_state(tmp_path / "state", snapshot.state_dict())
    steps(network, optimiser, 3, seed=1)
    after = state(network, optimiser)
    for one in (snapshot, Snapshot.loaded(load_state(tmp_path / "state"), network)):
        optimiser.param_groups[0]["lr"] = 0.5  # is the loop's
        one.restore(network, optimiser)
        optimiser.param_groups[0]["lr"] = 0.01
        require_equal(state(network, optimiser), before)
        steps(network, optimiser, 3, seed=1)
        require_equal(state(network, optimiser), after)  # a snapshot is not trained with


def test_wrapped_networks_do_as_well(without_gpu):
    network = discriminator()
    optimiser = OPTIMISERS[0](network.parameters())
    before = state(network, optimiser)
    snapshot = Snapshot.of(nn.DataParallel(network), optimiser)
    steps(network, optimiser, 2)
    snapshot.restore(nn.DataParallel(network), optimiser)
    require_equal(state(network, optimiser), before)


def test_values_that_are_shuffled_are_the_same_values():
    network = generator()
    snapshot = Snapshot.of(network, OPTIMISERS[0](network.parameters()))
    one, other = (snapshot.shuffled(torch.Generator().manual_seed(seed)) for seed in (1, 1))
    for name, weight in snapshot.weights.items():
        assert torch.equal(one.weights[name], other.weights[name])
        assert one.weights[name].shape == weight.shape
        assert torch.equal(one.weights[name].flatten().sort()[0], weight.flatten().sort()[0])
    assert not torch.equal(one.weights["0.weight"], snapshot.weights["0.weight"])


def test_those_of_another_network_are_refused():
    gan = ToyGan()
    saved = Snapshot.of(gan.D, gan.opt_D).state_dict()
    with pytest.raises(SparseganError, match="another network"):
        Snapshot.loaded(saved, gan.G)


def test_a_sparse_network_goes_back_under_the_mask_of_now():
    gan = ToyGan()
    network = SparseNetwork(gan.D, gan.opt_D, Masks(gan.D, 1.0))
    steps(gan.D, gan.opt_D, 2)
    snapshot = network.snapshot()
    network.prune(100)
    steps(gan.D, gan.opt_D, 2)
    network.rewind(snapshot)
    for layer in network.masks.layers:
        mask = network.masks[layer.name]
        weight = snapshot.weights[f"{layer.name}.weight"]
        assert torch.equal(layer.parameter, weight * mask)
        moment = gan.opt_D.state[layer.parameter]["exp_avg_sq"]
        assert torch.equal(moment, snapshot.optimiser[f"{layer.name}.weight"]["exp_avg_sq"] * mask)
