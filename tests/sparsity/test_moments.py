"""The state of all seven optimisers follows the mask; others are refused by name."""

import copy

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn, optim

import reference
from sparsegan import Masks, SparseganError, SparseNetwork
from sparsegan.sparsity.moments import follow_

OPTIMIZERS = {
    "Adam": lambda p: optim.Adam(p, lr=0.1, betas=(0.5, 0.9)),
    "Adam amsgrad": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "Adam foreach": lambda p: optim.Adam(p, lr=0.1, foreach=True),
    "Adam fused": lambda p: optim.Adam(p, lr=0.1, fused=True),
    "Adam weight decay": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.1),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1),
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1),
    "RMSprop centred": lambda p: optim.RMSprop(p, lr=0.1, momentum=0.9, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.3),
}
SECOND = {"exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum"}


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _network(optimizer, device="cpu", moments="seeded"):
    module = nn.Sequential(nn.Linear(8, 6), nn.Conv2d(2, 4, 3)).to(device)
    inner = optimizer(list(module.parameters()))
    masks = Masks(module, 0.4, generator=_rng())
    return SparseNetwork(module, inner, masks, moments=moments)


def _step(network, seed):
    for parameter in network.module.parameters():
        grad = torch.randn(parameter.shape, generator=_rng(seed)) + 0.1
        parameter.grad = grad.to(parameter.device)
    network.optimizer.step()


def _per_weight_state(network, parameter):
    state = network.optimizer.state.get(parameter, {})
    return {
        name: value
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape
    }


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("moments", ["seeded", "zero"])
def test_moments_follow_the_mask(kind, moments, device):
    network = _network(OPTIMIZERS[kind], device, moments)
    for seed in range(5):
        _step(network, seed)
    before = {
        layer.name: (
            network.masks[layer.name],
            layer.parameter.detach().clone(),
            copy.deepcopy(_per_weight_state(network, layer.parameter)),
        )
        for layer in network.masks.layers
    }
    change = network.rewire(0.4, growth="random", scope="layer", rounding="ceil", generator=_rng())
    assert change.grown > 0
    for layer in network.masks.layers:
        was, weight, state = before[layer.name]
        now = network.masks[layer.name]
        grown, kept = now & ~was, now & was
        assert torch.equal(layer.parameter[kept], weight[kept])
        assert not layer.parameter[grown].any()
        assert set(_per_weight_state(network, layer.parameter)) == set(state)
        for name, moment in _per_weight_state(network, layer.parameter).items():
            assert torch.equal(moment[kept], state[name][kept]), name
            assert not moment[~now].any(), name
            seeded = moments == "seeded" and name in SECOND
            expected = float(state[name][kept].double().mean()) if seeded else 0.0
            assert moment[grown].tolist() == pytest.approx([expected] * int(grown.sum())), name
    for seed in range(5, 8):
        _step(network, seed)
    for layer in network.masks.layers:
        inactive = ~network.masks[layer.name]
        assert layer.parameter.isfinite().all()
        assert not layer.parameter[inactive].any()
        for name, moment in _per_weight_state(network, layer.parameter).items():
            assert not moment[inactive].any(), name


def test_every_optimiser_but_plain_sgd_has_state_to_follow():
    for kind, optimizer in OPTIMIZERS.items():
        network = _network(optimizer)
        _step(network, 0)
        names = set(_per_weight_state(network, network.masks.layers[0].parameter))
        assert bool(names) == (kind != "SGD"), kind


@pytest.mark.parametrize("kind", ["Adam", "Adam amsgrad", "RMSprop centred", "Adagrad"])
def test_kept_moments_integrate_dense_gradients_and_outlive_a_drop(kind):
    network = _network(OPTIMIZERS[kind], moments="kept")
    assert network.wants_dense_gradient
    layer = network.masks.layers[0]
    for seed in range(3):
        _step(network, seed)
        assert not layer.parameter[~network.masks[layer.name]].any()
    before = copy.deepcopy(_per_weight_state(network, layer.parameter))
    inactive = ~network.masks[layer.name]
    assert all(moment[inactive].any() for moment in before.values())
    network.rewire(0.4, growth="random", scope="layer", rounding="ceil", generator=_rng())
    for name, moment in _per_weight_state(network, layer.parameter).items():
        assert torch.equal(moment, before[name]), name
    assert not layer.parameter[~network.masks[layer.name]].any()


@pytest.mark.parametrize("seeded", [True, False])
def test_adam_equals_the_slow_reference_through_changes_of_mask(seeded):
    module = nn.Linear(6, 5, bias=False, dtype=torch.float64)
    masks = Masks(module, 0.5, generator=_rng())
    adam = optim.Adam(module.parameters(), lr=0.05, betas=(0.3, 0.9))
    network = SparseNetwork(module, adam, masks, moments="seeded" if seeded else "zero")
    slow = reference.Adam(module.weight.flatten().tolist(), masks.flat.tolist(), 0.05, (0.3, 0.9))
    for step in range(30):
        grad = torch.randn(5, 6, generator=_rng(step), dtype=torch.float64)
        module.weight.grad = grad.clone()
        adam.step()
        slow.step(grad.flatten().tolist())
        assert module.weight.flatten().tolist() == pytest.approx(slow.w, abs=1e-12)
        if step % 6 == 5:
            network.rewire(
                0.3, growth="random", scope="network", rounding="floor", generator=_rng(step)
            )
            slow.change_mask(masks.flat.tolist(), seeded)
            state = adam.state[module.weight]
            assert state["exp_avg"].flatten().tolist() == pytest.approx(slow.m, abs=1e-12)
            assert state["exp_avg_sq"].flatten().tolist() == pytest.approx(slow.v, abs=1e-12)


@pytest.mark.parametrize(
    ("moments", "least", "most"),
    [("zero", 31.6, 31.7), ("seeded", 0.99, 1.01), ("kept", 0.99, 1.01)],
)
def test_the_first_step_of_a_weight_grown_late_is_of_the_size_of_a_learning_rate(
    moments, least, most
):
    """Zero second moments make it lr / sqrt(1 - beta2), 31.6 learning rates at 0.999."""
    module = nn.Linear(10, 10, bias=False, dtype=torch.float64)
    masks = Masks(module, 0.5, generator=_rng())
    adam = optim.Adam(module.parameters(), lr=1e-4, betas=(0.0, 0.999))
    network = SparseNetwork(module, adam, masks, moments=moments)
    # Late in a run with gradients of size 1, where a plain step is one learning rate.
    dense = torch.ones(10, 10, dtype=torch.float64)
    adam.state[module.weight] = {
        "step": torch.tensor(20_000.0),
        "exp_avg": torch.zeros_like(dense),
        "exp_avg_sq": dense.clone() if moments == "kept" else masks["weight"].double(),
    }
    before = masks["weight"]
    network.resize(80, growth="random", generator=_rng())
    grown = masks["weight"] & ~before
    assert int(grown.sum()) == 30
    module.weight.grad = dense
    adam.step()
    sizes = module.weight[grown].detach().abs() / 1e-4
    assert least <= float(sizes.min()) <= float(sizes.max()) <= most


def test_moments_of_a_layer_without_survivors_are_zero():
    network = _network(OPTIMIZERS["Adam"])
    _step(network, 0)
    parameter = network.masks.layers[0].parameter
    active = network.masks[network.masks.layers[0].name]
    follow_(network.optimizer, parameter, active, ~active, "seeded")
    for moment in _per_weight_state(network, parameter).values():
        assert not moment.any()


@pytest.mark.parametrize(
    "kind",
    [
        optim.Adadelta,
        optim.Adafactor,
        optim.Adamax,
        optim.ASGD,
        optim.LBFGS,
        optim.Rprop,
        optim.SparseAdam,
    ],
)
def test_other_optimisers_are_refused_by_name(kind):
    module = nn.Linear(4, 4)
    weight = module.weight.detach().clone()
    optimizer = kind(list(module.parameters()))
    name = type(optimizer).__name__
    with pytest.raises(SparseganError, match=f"^{name} is not supported.*use one of Adam, AdamW"):
        SparseNetwork(module, optimizer, Masks(module, 1.0))
    assert torch.equal(module.weight, weight)


def test_what_is_no_optimiser_is_refused():
    module = nn.Linear(4, 4)
    with pytest.raises(SparseganError, match="list is not a PyTorch optimiser"):
        SparseNetwork(module, [], Masks(module, 1.0))


def test_an_optimiser_of_another_network_is_refused_by_the_layers_name():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    partial = optim.Adam(module[0].parameters())
    with pytest.raises(SparseganError, match="does not hold the weight of 1: build it from"):
        SparseNetwork(module, partial, Masks(module, 0.5))


def test_an_unknown_choice_of_moments_is_refused():
    module = nn.Linear(4, 4)
    with pytest.raises(SparseganError, match="moments is 'seed': choose one of seeded, zero, kept"):
        SparseNetwork(module, optim.Adam(module.parameters()), Masks(module, 0.5), moments="seed")


def test_the_optimiser_inside_a_plain_wrapper_is_taken():
    module = nn.Linear(4, 4)
    inner = optim.Adam(module.parameters())
    module, wrapped = Fabric(accelerator="cpu", devices=1).setup(module, inner)
    assert wrapped is not inner
    network = SparseNetwork(module, wrapped, Masks(module, 0.5))
    assert network.optimizer is inner


def test_a_wrapper_that_may_do_more_is_refused():
    class Lookahead:
        def __init__(self, optimizer):
            self.optimizer = optimizer

    module = nn.Linear(4, 4)
    masks, weight = Masks(module, 0.5), module.weight.detach().clone()
    with pytest.raises(SparseganError, match="Lookahead wraps another optimiser"):
        SparseNetwork(module, Lookahead(optim.Adam(module.parameters())), masks)
    assert torch.equal(module.weight, weight)
