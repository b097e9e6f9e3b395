"""Masks, module and optimiser together, in loops of any kind; changes against slow references."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_network import (
    fractions,
    gradients,
    layers_of,
    networks,
    rng,
    set_gradients,
    sparse,
    stepped,
    units_of,
)
from test_maskable import LAYERS
from torch import nn
from torch.nn.utils import parametrizations

import reference
from sparsegan import SparseganError
from sparsegan.sparsity import rewire

NORMS = {
    "plain": lambda module: module,
    "legacy": torch.nn.utils.spectral_norm,
    "parametrized": parametrizations.spectral_norm,
}


@settings(deadline=None, max_examples=60)
@given(networks, st.floats(0.1, 1), fractions, st.sampled_from(["network", "layer"]))
def test_rewiring_by_gradient_equals_the_slow_reference(module, density, fraction, scope):
    try:
        network = sparse(module, density)
    except SparseganError:  # fewer weights than layers
        return
    dense = stepped(network)
    masks = network.masks
    before, counts = masks.flat.clone(), masks.counts()
    rounding, slow = {
        "network": ("floor", reference.rewire_network),
        "layer": ("ceil", reference.rewire_layers),
    }[scope]
    expected = slow(
        layers_of(masks), before.tolist(), masks.weights().tolist(), dense.tolist(), fraction
    )
    change = network.rewire(
        fraction, growth="gradient", scope=scope, rounding=rounding, generator=rng()
    )
    assert masks.flat.tolist() == expected
    assert change.active == masks.active == int(before.sum())
    assert min(masks.counts().values()) >= 1
    assert scope == "network" or masks.counts() == counts
    assert change.grown == change.dropped == int((masks.flat & ~before).sum())
    assert change.layers == tuple(
        (name, counts[name], masks.counts()[name], size) for name, size in masks.sizes().items()
    )


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize("scope", ["network", "layer"])
@pytest.mark.parametrize(("share", "alone"), [(1.0, "gradient"), (0.0, "random")])
def test_hybrid_growth_is_gradient_or_random_growth_at_its_ends(granularity, scope, share, alone):
    masks = []
    for growth in ("hybrid", alone):
        torch.manual_seed(2)
        network = sparse(nn.Sequential(nn.Linear(9, 8), nn.Conv2d(3, 8, 3)), 0.4, 0.05, granularity)
        stepped(network)
        settings = {"gradient_share": share, "generator": rng(3)}
        network.rewire(0.5, growth=growth, scope=scope, rounding="floor", **settings)
        network.resize(network.masks.active + 40, growth=growth, **settings)
        masks.append(network.masks.flat)
    assert torch.equal(*masks)


@pytest.mark.parametrize("scope", ["network", "layer"])
def test_hybrid_growth_has_its_share_of_the_largest_gradients(scope):
    torch.manual_seed(2)
    network = sparse(nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30)), 0.3)
    dense = stepped(network).abs()
    before = network.masks.flat.clone()
    change = network.rewire(
        0.5, growth="hybrid", scope=scope, rounding="floor", gradient_share=0.5, generator=rng()
    )
    assert change.active == int(before.sum())
    left = before & network.masks.flat  # less what was dropped and regrown at once
    grown = network.masks.flat & ~before
    strongest = dense.masked_fill(left, -1).topk(change.grown // 2 - 20).indices
    if scope == "network":
        assert bool(network.masks.flat[strongest].all())
    among = dense[~left].sort(descending=True).values
    at_random = grown & (dense < among[change.grown])
    assert int(at_random.sum()) > change.grown // 4


@settings(deadline=None, max_examples=60)
@given(networks, st.floats(0.1, 1), fractions, st.sampled_from(["network", "layer"]))
def test_rewiring_at_random_loses_none_but_the_smallest_and_keeps_the_count(
    module, density, fraction, scope
):
    try:
        network = sparse(module, density)
    except SparseganError:
        return
    masks = network.masks
    before, weights, counts = masks.flat.clone(), masks.weights(), masks.counts()
    rounding, slow = {
        "network": ("floor", reference.drop_network),
        "layer": ("ceil", reference.drop_layers),
    }[scope]
    stay = slow(layers_of(masks), before.tolist(), weights.tolist(), fraction)
    network.rewire(fraction, growth="random", scope=scope, rounding=rounding, generator=rng())
    assert masks.active == int(before.sum())
    assert min(masks.counts().values()) >= 1
    assert scope == "network" or masks.counts() == counts
    assert masks.flat[torch.tensor(stay)].all()


@settings(deadline=None, max_examples=60)
@given(networks, st.floats(0.1, 1), st.floats(0, 1))
def test_resizing_equals_the_slow_reference(module, density, share):
    try:
        network = sparse(module, density)
    except SparseganError:
        return
    dense = stepped(network)
    masks = network.masks
    to_count = max(len(masks.layers), round(share * masks.total))
    before = masks.flat.clone()
    expected = reference.resize_network(
        layers_of(masks), before.tolist(), masks.weights().tolist(), dense.tolist(), to_count
    )
    change = network.resize(to_count, growth="gradient", generator=rng())
    assert masks.flat.tolist() == expected
    assert masks.active == change.active == to_count
    assert change.reason == ("raise" if to_count > int(before.sum()) else "lower")
    assert min(change.grown, change.dropped) == 0
    assert min(masks.counts().values()) >= 1


def test_lowering_never_empties_a_layer_however_small_its_weights():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(20, 20))
    with torch.no_grad():
        module[0].weight.mul_(1e-6)
        module[1].weight.mul_(1e-6)
    network = sparse(module, 0.5)
    change = network.resize(0, growth="random", generator=rng())
    assert list(network.masks.counts().values()) == [1, 1, 1]
    assert change.nearly_empty == ("0", "1", "2")
    assert all(float(layer.parameter.detach().abs().max()) > 0 for layer in network.masks.layers)
    again = network.resize(0, growth="gradient")  # nothing to do, so nothing to grow by
    assert (again.dropped, again.grown, again.nearly_empty) == (0, 0, ())


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize(("scope", "rounding"), [("layer", "ceil"), ("network", "floor")])
def test_no_layer_consists_of_newly_grown_zeros_only(granularity, scope, rounding):
    module = nn.Sequential(nn.Linear(10, 4), nn.Linear(4, 100))
    network = sparse(module, 0.03, granularity=granularity)
    assert int(network.masks.units.split(units_of(network.masks))[0].sum()) <= 2
    network.rewire(1.0, growth="random", scope=scope, rounding=rounding, generator=rng())
    assert bool(module[0].weight.any())
    assert bool(module[1].weight.any())


def test_equal_magnitudes_and_gradients_are_drawn_within_the_exact_count(device):
    module = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10)).to(device)
    with torch.no_grad():
        for layer in (module[0], module[1]):
            layer.weight.fill_(0.5)
    network = sparse(module, 0.3)
    network.growth_gradient_due = lambda: True
    network.optimizer.zero_grad()
    network.optimizer.step()  # no gradient at all: every score is 0
    for step in range(5):
        change = network.rewire(
            0.5, growth="gradient", scope="network", rounding="floor", generator=rng(step)
        )
        assert change.active == 60
        assert change.dropped == change.grown
        assert change.dropped > 0


def test_what_is_dropped_and_regrown_at_once_keeps_value_and_moments():
    module = nn.Linear(6, 6, bias=False)
    network = sparse(module, 0.5)
    dense = stepped(network)
    weight, flat = module.weight.detach().clone(), network.masks.flat.clone()
    moments = network.optimizer.state[module.weight]["exp_avg_sq"].clone()
    # Everything is dropped but the strongest; the largest gradients are those of active weights.
    network._growth_gradient = torch.where(flat, dense.abs() + 10, 0.0)
    change = network.rewire(1.0, growth="gradient", scope="network", rounding="floor")
    assert (change.dropped, change.grown, change.churn) == (0, 0, 0.0)
    assert torch.equal(network.masks.flat, flat)
    assert torch.equal(module.weight, weight)
    assert torch.equal(network.optimizer.state[module.weight]["exp_avg_sq"], moments)


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize("norm", NORMS)
def test_training_and_rewiring_every_layer_kind_keeps_zeros_and_the_power_iteration(
    norm, granularity, device
):
    module = nn.ModuleDict({name: NORMS[norm](make()) for name, make in LAYERS.items()}).to(device)
    inputs = {
        "linear": (2, 3),
        **{name: (2, 3, *[5] * int(name[-2])) for name in LAYERS if name != "linear"},
    }
    network = sparse(module, 0.3, granularity=granularity)
    network.growth_gradient_due = lambda: True
    for step in range(6):
        loss = sum(
            module[name](torch.randn(shape, generator=rng(step)).to(device)).square().mean()
            for name, shape in inputs.items()
        )
        network.optimizer.zero_grad()
        loss.backward()
        buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        network.optimizer.step()
        active = network.masks.active
        if step == 2:
            change = network.rewire(
                0.5, growth="gradient", scope="network", rounding="floor", generator=rng()
            )
            assert change.grown > 0
        if step == 3:
            network.rewire(0.5, growth="random", scope="layer", rounding="ceil", generator=rng())
        if step == 4:
            active = network.masks.total // 8 * 4  # whole blocks
            network.resize(active, growth="gradient", generator=rng())
        assert network.masks.active == active
        for name, buffer in module.named_buffers():
            assert torch.equal(buffers[name], buffer), f"{name} was advanced"
        for layer in network.masks.layers:
            inactive = ~network.masks[layer.name]
            assert layer.parameter.isfinite().all()
            assert not layer.parameter[inactive].any()
            for value in network.optimizer.state[layer.parameter].values():
                if value.shape == layer.parameter.shape:
                    assert not value[inactive].any()
    assert network.steps == 6


def test_the_growth_gradient_is_the_one_stepped_on_whatever_follows():
    module = nn.Linear(5, 5)
    network = sparse(module)
    dense = stepped(network, seed=3)
    module.weight.grad = torch.full_like(module.weight, 1e9)  # another network's backward
    module.zero_grad(set_to_none=True)
    assert torch.equal(network._growth_gradient, dense)
    before = network.masks.flat.clone()
    network.resize(20, growth="gradient")
    grown = network.masks.flat & ~before
    assert float(dense[grown].abs().min()) >= float(dense[~network.masks.flat].abs().max())


def test_the_gradients_left_after_a_step_are_those_of_active_weights():
    network = sparse(nn.Linear(5, 5))
    dense = stepped(network)
    assert dense[~network.masks.flat].abs().min() > 0
    left = gradients(network)
    assert not left[~network.masks.flat].any()
    assert torch.equal(left[network.masks.flat], dense[network.masks.flat])


def test_a_dense_gradient_is_wanted_only_when_growth_is_due():
    network = sparse(nn.Linear(5, 5))
    assert not network.wants_dense_gradient
    set_gradients(network, 0)
    network.optimizer.step()
    assert not network.has_growth_gradient
    with pytest.raises(SparseganError, match="no gradient to grow by"):
        network.rewire(0.5, growth="gradient", scope="layer", rounding="ceil")
    network.growth_gradient_due = lambda: True
    assert network.wants_dense_gradient
    set_gradients(network, 1)
    network.optimizer.step()
    assert network.has_growth_gradient
    network.forget_growth_gradient()
    assert not network.has_growth_gradient


def test_parameters_without_a_gradient_are_left_out():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network = sparse(module)
    network.growth_gradient_due = lambda: True
    module[0].weight.grad = torch.ones(4, 4)
    network.optimizer.step()
    assert network._growth_gradient.tolist() == [1.0] * 16 + [0.0] * 16


@pytest.mark.parametrize("by_keyword", [True, False])
def test_a_closure_gives_the_same_step_as_a_backward_before_it(by_keyword):
    target = torch.randn(3, 5, generator=rng())
    results = []
    for closure_used in (True, False):
        torch.manual_seed(0)
        module = nn.Linear(4, 5)
        network = sparse(module)
        network.growth_gradient_due = lambda: True

        def closure(module=module):
            module.zero_grad()
            loss = (module(torch.ones(3, 4)) - target).square().mean()
            loss.backward()
            return loss

        for _ in range(3):
            if not closure_used:
                closure()
                network.optimizer.step()
            elif by_keyword:
                assert network.optimizer.step(closure=closure) > 0
            else:
                assert network.optimizer.step(closure) > 0
        state = network.optimizer.state[module.weight]
        results.append((module.weight, state["exp_avg_sq"], network._growth_gradient))
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)
    assert not results[0][1][~network.masks["weight"]].any()


def test_a_detached_network_is_no_longer_kept_sparse():
    module = nn.Linear(5, 5)
    network = sparse(module)
    network.detach()
    set_gradients(network, 0)
    network.optimizer.step()
    assert bool((module.weight != 0).all())


def test_wrapped_networks_train_alike(without_gpu):
    plain, wrapped = nn.Linear(4, 4), nn.Linear(4, 4)
    wrapped.load_state_dict(plain.state_dict())
    results = []
    for module in (plain, nn.DataParallel(wrapped)):
        network = sparse(module)
        module(torch.ones(2, 4)).sum().backward()
        network.optimizer.step()
        results.append(network.masks.weights())
        assert network.masks.names == ["weight"]
    assert torch.equal(*results)


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize("growth", ["gradient", "random", "hybrid"])
@pytest.mark.parametrize(("scope", "rounding"), [("network", math.floor), ("layer", math.ceil)])
@pytest.mark.parametrize("ties", [False, True])
def test_each_scope_draws_as_its_own_formula(granularity, growth, scope, rounding, ties):
    """The network as one, its strongest units kept; or every layer but one of its units."""
    network = sparse(nn.Sequential(nn.Linear(9, 6), nn.Linear(6, 11)), granularity=granularity)
    stepped(network)
    masks, units = network.masks, network.masks.units
    if ties:
        network._growth_gradient.round_()
        with torch.no_grad():
            for layer in masks.layers:
                layer.parameter.mul_(4).round_()
    mask, sizes, generator = units.first(masks.flat), units.sizes, rng(3)
    drop_by, keep = network._magnitudes(), network._strongest(network._magnitudes())
    grow_by = network._growth_scores(growth, 0.5, generator)
    if scope == "network":
        active = int(mask.sum())
        count = min(rounding(0.7 * active), active - int(keep.sum()))
        expected = rewire.exchange(
            mask, drop_by, grow_by, count, sizes=sizes, keep=keep, generator=generator
        )
    else:
        after = []
        for i, own in enumerate(units.split(mask)):
            active = int(own.sum())
            scores = (
                units.split(grow_by)[i]
                if isinstance(grow_by, torch.Tensor)
                else rewire.Hybrid(units.split(grow_by.first)[i], units.split(grow_by.rest)[i], 0.5)
            )
            after.append(
                rewire.exchange(
                    own,
                    units.split(drop_by)[i],
                    scores,
                    min(rounding(0.7 * active), active - 1),
                    sizes=None if sizes is None else units.split(sizes)[i],
                    generator=generator,
                )
            )
        expected = torch.cat(after)
    drawn = rng(3)
    name = "floor" if rounding is math.floor else "ceil"
    network.rewire(0.7, growth=growth, scope=scope, rounding=name, generator=drawn)
    assert torch.equal(units.first(masks.flat), expected)
    assert torch.equal(drawn.get_state(), generator.get_state())


@pytest.mark.parametrize("moments", ["seeded", "kept"])
def test_the_size_of_a_gradient_is_that_of_active_weights_beside_the_weights(moments, device):
    network = sparse(nn.Sequential(nn.Linear(8, 6), nn.Conv2d(2, 3, 3)).to(device), moments=moments)
    network.growth_gradient_due = lambda: True
    asked = []
    network.gradient_size_due = lambda: asked.append(1) or len(asked) == 1
    set_gradients(network, 1)
    weights = gradients = 0.0
    for layer in network.masks.layers:
        pairs = zip(layer.parameter.flatten(), layer.parameter.grad.flatten(), strict=True)
        for active, (weight, grad) in zip(network.masks[layer.name].flatten(), pairs, strict=True):
            weights += weight.item() ** 2
            gradients += grad.item() ** 2 * active.item()
    network.optimizer.step()
    assert network.take_gradient_size() == pytest.approx(math.sqrt(gradients / weights), rel=1e-5)
    assert math.isnan(network.take_gradient_size())  # none since
    network.optimizer.step()
    assert math.isnan(network.take_gradient_size())  # none was due


def test_the_size_of_no_gradients_is_not_known():
    network = sparse(nn.Linear(8, 6))
    network.gradient_size_due = lambda: True
    network.optimizer.step()
    assert math.isnan(network.take_gradient_size())
    for parameter in network.module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    network.optimizer.step()
    assert network.take_gradient_size() == 0


def test_the_size_of_a_scaled_gradient_is_that_of_the_gradient():
    network = sparse(nn.Linear(8, 6))
    network.gradient_size_due = lambda: True
    sizes = []
    for scale in (None, 1024.0):
        set_gradients(network, 1)
        if scale is not None:
            network.optimizer.grad_scale = torch.tensor(scale)  # as GradScaler tells fused ones
            network.module.weight.grad *= scale
        with torch.no_grad():
            network.module.weight.copy_(torch.ones(6, 8) * network.masks["weight"])
        network._take_gradients()
        sizes.append(network.take_gradient_size())
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)
