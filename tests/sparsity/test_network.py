"""Masks, module and optimiser together, in loops of any kind; changes against slow references."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maskable import LAYERS
from torch import nn, optim
from torch.nn.utils import parametrizations

import reference
from sparsegan import Masks, SparseganError, SparseNetwork
from sparsegan.sparsity import rewire

NORMS = {
    "plain": lambda module: module,
    "legacy": torch.nn.utils.spectral_norm,
    "parametrized": parametrizations.spectral_norm,
}


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _sparse(module, density=0.4, lr=0.05, granularity="weight", **settings):
    optimizer = optim.Adam(module.parameters(), lr=lr, betas=(0.0, 0.9))
    masks = Masks(module, density, granularity=granularity, generator=_rng())
    return SparseNetwork(module, optimizer, masks, **settings)


def _set_gradients(network, seed):
    for i, parameter in enumerate(network.module.parameters()):
        grad = torch.randn(parameter.shape, generator=_rng(1000 * seed + i))
        parameter.grad = grad.to(parameter.device)


def _gradients(network):
    return network.masks.flatten([layer.parameter.grad for layer in network.masks.layers])


def _stepped(network, seed=0):
    """One optimiser step whose gradient is kept to grow by; returns that dense gradient."""
    network.growth_gradient_due = lambda: True
    _set_gradients(network, seed)
    dense = _gradients(network).clone()
    network.optimizer.step()
    return dense


def _layers_of(masks):
    return [name for name, size in masks.sizes().items() for _ in range(size)]


def _networks(widest):
    row = st.tuples(
        st.sampled_from(["linear", "conv", "up"]), st.integers(1, 5), st.integers(1, widest)
    )
    return st.lists(row, min_size=1, max_size=4).map(
        lambda rows: nn.ModuleList(
            {
                "linear": lambda a, b: nn.Linear(a, b),
                "conv": lambda a, b: nn.Conv2d(a, b, 3),
                "up": lambda a, b: nn.ConvTranspose2d(a, b, 2),
            }[kind](a, b)
            for kind, a, b in rows
        )
    )


def _in_units(masks, flat):
    """The mean of a vector over every block, in plain Python."""
    return [
        math.fsum(values[i] for i in places) / len(places)
        for values, _, places in _blocks_of(masks, flat)
    ]


def _blocks_of(masks, flat):
    for layer, values in zip(masks.layers, masks.split(flat), strict=True):
        output = 1 if isinstance(layer.module, nn.ConvTranspose2d) else 0
        for places in reference.blocks(layer.parameter.shape, output):
            yield values.tolist(), layer.name, places


networks = _networks(5)
wide_networks = _networks(11)
fractions = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))


@settings(deadline=None, max_examples=60)
@given(networks, st.floats(0.1, 1), fractions, st.sampled_from(["network", "layer"]))
def test_rewiring_by_gradient_equals_the_slow_reference(module, density, fraction, scope):
    try:
        network = _sparse(module, density)
    except SparseganError:  # fewer weights than layers
        return
    dense = _stepped(network)
    masks = network.masks
    before, counts = masks.flat.clone(), masks.counts()
    rounding, slow = {
        "network": ("floor", reference.rewire_network),
        "layer": ("ceil", reference.rewire_layers),
    }[scope]
    expected = slow(
        _layers_of(masks), before.tolist(), masks.weights().tolist(), dense.tolist(), fraction
    )
    change = network.rewire(
        fraction, growth="gradient", scope=scope, rounding=rounding, generator=_rng()
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
        network = _sparse(
            nn.Sequential(nn.Linear(9, 8), nn.Conv2d(3, 8, 3)), 0.4, 0.05, granularity
        )
        _stepped(network)
        settings = {"gradient_share": share, "generator": _rng(3)}
        network.rewire(0.5, growth=growth, scope=scope, rounding="floor", **settings)
        network.resize(network.masks.active + 40, growth=growth, **settings)
        masks.append(network.masks.flat)
    assert torch.equal(*masks)


@pytest.mark.parametrize("scope", ["network", "layer"])
def test_hybrid_growth_has_its_share_of_the_largest_gradients(scope):
    torch.manual_seed(2)
    network = _sparse(nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30)), 0.3)
    dense = _stepped(network).abs()
    before = network.masks.flat.clone()
    change = network.rewire(
        0.5, growth="hybrid", scope=scope, rounding="floor", gradient_share=0.5, generator=_rng()
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
        network = _sparse(module, density)
    except SparseganError:
        return
    masks = network.masks
    before, weights, counts = masks.flat.clone(), masks.weights(), masks.counts()
    rounding, slow = {
        "network": ("floor", reference.drop_network),
        "layer": ("ceil", reference.drop_layers),
    }[scope]
    stay = slow(_layers_of(masks), before.tolist(), weights.tolist(), fraction)
    network.rewire(fraction, growth="random", scope=scope, rounding=rounding, generator=_rng())
    assert masks.active == int(before.sum())
    assert min(masks.counts().values()) >= 1
    assert scope == "network" or masks.counts() == counts
    assert masks.flat[torch.tensor(stay)].all()


@settings(deadline=None, max_examples=60)
@given(networks, st.floats(0.1, 1), st.floats(0, 1))
def test_resizing_equals_the_slow_reference(module, density, share):
    try:
        network = _sparse(module, density)
    except SparseganError:
        return
    dense = _stepped(network)
    masks = network.masks
    to_count = max(len(masks.layers), round(share * masks.total))
    before = masks.flat.clone()
    expected = reference.resize_network(
        _layers_of(masks), before.tolist(), masks.weights().tolist(), dense.tolist(), to_count
    )
    change = network.resize(to_count, growth="gradient", generator=_rng())
    assert masks.flat.tolist() == expected
    assert masks.active == change.active == to_count
    assert change.reason == ("raise" if to_count > int(before.sum()) else "lower")
    assert min(change.grown, change.dropped) == 0
    assert min(masks.counts().values()) >= 1


@settings(deadline=None, max_examples=60)
@given(wide_networks, st.floats(0.1, 1), fractions, st.sampled_from(["network", "layer"]))
def test_rewiring_blocks_equals_the_slow_reference(module, density, fraction, scope):
    try:
        network = _sparse(module, density, granularity="block")
    except SparseganError:  # fewer weights than a block in every layer
        return
    dense = _stepped(network)
    masks, counts = network.masks, network.masks.counts()
    before, active, budget = masks.flat.clone(), masks.active, masks.budget
    rows = list(_blocks_of(masks, before))
    expected = reference.rewire_units(
        [layer for _, layer, _ in rows],
        [len(places) for _, _, places in rows],
        [mean > 0 for mean in _in_units(masks, before)],
        _in_units(masks, masks.weights().abs()),
        _in_units(masks, dense.abs()),
        fraction,
        scope,
    )
    change = network.rewire(
        fraction,
        growth="gradient",
        scope=scope,
        rounding={"network": "floor", "layer": "ceil"}[scope],
        generator=_rng(),
    )
    assert _in_units(masks, masks.flat) == [float(bit) for bit in expected]  # whole blocks
    assert (change.active, masks.active, masks.budget) == (active, active, budget)
    assert change.grown == change.dropped == int((masks.flat & ~before).sum())
    assert scope == "network" or masks.counts() == counts
    assert min(masks.counts().values()) >= 1


@settings(deadline=None, max_examples=60)
@given(wide_networks, st.floats(0.1, 1), st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_resizing_blocks_equals_the_slow_reference_and_never_drifts(module, density, shares):
    try:
        network = _sparse(module, density, granularity="block")
    except SparseganError:
        return
    masks = network.masks
    for seed, share in enumerate(shares):
        dense = _stepped(network, seed)
        to_count = max(4 * len(masks.layers), round(share * masks.total))
        if to_count > masks.total:
            return
        rows = list(_blocks_of(masks, masks.flat))
        more = to_count > masks.budget
        expected = reference.resize_units(
            [layer for _, layer, _ in rows],
            [len(places) for _, _, places in rows],
            [mean > 0 for mean in _in_units(masks, masks.flat)],
            _in_units(masks, masks.weights().abs()),
            _in_units(masks, dense.abs()),
            max(masks.active, to_count) if more else min(masks.active, to_count),
        )
        change = network.resize(to_count, growth="gradient", generator=_rng())
        assert _in_units(masks, masks.flat) == [float(bit) for bit in expected]
        assert masks.budget == to_count
        assert abs(masks.active - to_count) <= 2
        assert change.active == masks.active
        assert change.reason == ("raise" if more else "lower")
        assert min(change.grown, change.dropped) == 0
        assert min(masks.counts().values()) >= 1


def test_blocks_that_are_raised_and_lowered_come_back_to_the_same_count():
    network = _sparse(nn.Sequential(nn.Linear(9, 16), nn.Conv2d(5, 8, 3)), granularity="block")
    masks, step = network.masks, 26  # no multiple of four: both ways are rounded
    start = [masks.budget, masks.active]
    for _ in range(5):
        for by in (step, step, -step, -step):
            network.resize(masks.budget + by, growth="random", generator=_rng())
        assert [masks.budget, masks.active] == start


def test_lowering_never_takes_the_last_block_of_a_layer():
    module = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 9), nn.Linear(9, 20))
    network = _sparse(module, 0.5, granularity="block")
    change = network.resize(0, growth="random", generator=_rng())
    assert change.nearly_empty == ("0", "1", "2")
    assert [int(b.sum()) for b in network.masks.units.split(_units(network.masks))] == [1, 1, 1]
    assert network.masks.budget == network.masks.active


def _units(masks):
    return masks.units.first(masks.flat)


def test_random_growth_is_uniform_over_blocks():
    hits = torch.zeros(30)
    for seed in range(300):
        network = _sparse(nn.Linear(15, 8), 0.2, granularity="block")
        network.resize(72, growth="random", generator=_rng(seed))
        hits += _units(network.masks)
    grown = hits[hits < 300]  # those that were there are in every one
    # 12 of 24 blocks: Binomial(300, 1/2), mean 150, deviation 8.7.
    assert len(grown) == 24
    assert float((grown - 150).abs().max()) < 44


def test_a_block_whose_gradient_is_no_number_is_grown_last():
    network = _sparse(nn.Linear(1, 16), 0.25, granularity="block")
    units = network.masks.units
    _stepped(network)
    inactive = (~_units(network.masks)).nonzero().flatten().tolist()
    gradient = units.spread(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    gradient[4 * inactive[2]] = float("nan")
    network._growth_gradient = gradient
    network.resize(12, growth="gradient", generator=_rng())
    assert not _units(network.masks)[inactive[2]]


def test_lowering_never_empties_a_layer_however_small_its_weights():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(20, 20))
    with torch.no_grad():
        module[0].weight.mul_(1e-6)
        module[1].weight.mul_(1e-6)
    network = _sparse(module, 0.5)
    change = network.resize(0, growth="random", generator=_rng())
    assert list(network.masks.counts().values()) == [1, 1, 1]
    assert change.nearly_empty == ("0", "1", "2")
    assert all(float(layer.parameter.detach().abs().max()) > 0 for layer in network.masks.layers)
    again = network.resize(0, growth="gradient")  # nothing to do, so nothing to grow by
    assert (again.dropped, again.grown, again.nearly_empty) == (0, 0, ())


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize(("scope", "rounding"), [("layer", "ceil"), ("network", "floor")])
def test_no_layer_consists_of_newly_grown_zeros_only(granularity, scope, rounding):
    module = nn.Sequential(nn.Linear(10, 4), nn.Linear(4, 100))
    network = _sparse(module, 0.03, granularity=granularity)
    assert int(network.masks.units.split(_units(network.masks))[0].sum()) <= 2
    network.rewire(1.0, growth="random", scope=scope, rounding=rounding, generator=_rng())
    assert bool(module[0].weight.any())
    assert bool(module[1].weight.any())


def test_equal_magnitudes_and_gradients_are_drawn_within_the_exact_count(device):
    module = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10)).to(device)
    with torch.no_grad():
        for layer in (module[0], module[1]):
            layer.weight.fill_(0.5)
    network = _sparse(module, 0.3)
    network.growth_gradient_due = lambda: True
    network.optimizer.zero_grad()
    network.optimizer.step()  # no gradient at all: every score is 0
    for step in range(5):
        change = network.rewire(
            0.5, growth="gradient", scope="network", rounding="floor", generator=_rng(step)
        )
        assert change.active == 60
        assert change.dropped == change.grown
        assert change.dropped > 0


def test_what_is_dropped_and_regrown_at_once_keeps_value_and_moments():
    module = nn.Linear(6, 6, bias=False)
    network = _sparse(module, 0.5)
    dense = _stepped(network)
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
    network = _sparse(module, 0.3, granularity=granularity)
    network.growth_gradient_due = lambda: True
    for step in range(6):
        loss = sum(
            module[name](torch.randn(shape, generator=_rng(step)).to(device)).square().mean()
            for name, shape in inputs.items()
        )
        network.optimizer.zero_grad()
        loss.backward()
        buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        network.optimizer.step()
        active = network.masks.active
        if step == 2:
            change = network.rewire(
                0.5, growth="gradient", scope="network", rounding="floor", generator=_rng()
            )
            assert change.grown > 0
        if step == 3:
            network.rewire(0.5, growth="random", scope="layer", rounding="ceil", generator=_rng())
        if step == 4:
            active = network.masks.total // 8 * 4  # whole blocks
            network.resize(active, growth="gradient", generator=_rng())
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
    network = _sparse(module)
    dense = _stepped(network, seed=3)
    module.weight.grad = torch.full_like(module.weight, 1e9)  # another network's backward
    module.zero_grad(set_to_none=True)
    assert torch.equal(network._growth_gradient, dense)
    before = network.masks.flat.clone()
    network.resize(20, growth="gradient")
    grown = network.masks.flat & ~before
    assert float(dense[grown].abs().min()) >= float(dense[~network.masks.flat].abs().max())


def test_the_gradients_left_after_a_step_are_those_of_active_weights():
    network = _sparse(nn.Linear(5, 5))
    dense = _stepped(network)
    assert dense[~network.masks.flat].abs().min() > 0
    left = _gradients(network)
    assert not left[~network.masks.flat].any()
    assert torch.equal(left[network.masks.flat], dense[network.masks.flat])


def test_a_dense_gradient_is_wanted_only_when_growth_is_due():
    network = _sparse(nn.Linear(5, 5))
    assert not network.wants_dense_gradient
    _set_gradients(network, 0)
    network.optimizer.step()
    assert not network.has_growth_gradient
    with pytest.raises(SparseganError, match="no gradient to grow by"):
        network.rewire(0.5, growth="gradient", scope="layer", rounding="ceil")
    network.growth_gradient_due = lambda: True
    assert network.wants_dense_gradient
    _set_gradients(network, 1)
    network.optimizer.step()
    assert network.has_growth_gradient
    network.forget_growth_gradient()
    assert not network.has_growth_gradient


def test_parameters_without_a_gradient_are_left_out():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network = _sparse(module)
    network.growth_gradient_due = lambda: True
    module[0].weight.grad = torch.ones(4, 4)
    network.optimizer.step()
    assert network._growth_gradient.tolist() == [1.0] * 16 + [0.0] * 16


@pytest.mark.parametrize("by_keyword", [True, False])
def test_a_closure_gives_the_same_step_as_a_backward_before_it(by_keyword):
    target = torch.randn(3, 5, generator=_rng())
    results = []
    for closure_used in (True, False):
        torch.manual_seed(0)
        module = nn.Linear(4, 5)
        network = _sparse(module)
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
    network = _sparse(module)
    network.detach()
    _set_gradients(network, 0)
    network.optimizer.step()
    assert bool((module.weight != 0).all())


def test_wrapped_networks_train_alike(without_gpu):
    plain, wrapped = nn.Linear(4, 4), nn.Linear(4, 4)
    wrapped.load_state_dict(plain.state_dict())
    results = []
    for module in (plain, nn.DataParallel(wrapped)):
        network = _sparse(module)
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
    network = _sparse(nn.Sequential(nn.Linear(9, 6), nn.Linear(6, 11)), granularity=granularity)
    _stepped(network)
    masks, units = network.masks, network.masks.units
    if ties:
        network._growth_gradient.round_()
        with torch.no_grad():
            for layer in masks.layers:
                layer.parameter.mul_(4).round_()
    mask, sizes, generator = units.first(masks.flat), units.sizes, _rng(3)
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
    drawn = _rng(3)
    name = "floor" if rounding is math.floor else "ceil"
    network.rewire(0.7, growth=growth, scope=scope, rounding=name, generator=drawn)
    assert torch.equal(units.first(masks.flat), expected)
    assert torch.equal(drawn.get_state(), generator.get_state())


@pytest.mark.parametrize("moments", ["seeded", "kept"])
def test_the_size_of_a_gradient_is_that_of_active_weights_beside_the_weights(moments, device):
    network = _sparse(
        nn.Sequential(nn.Linear(8, 6), nn.Conv2d(2, 3, 3)).to(device), moments=moments
    )
    network.growth_gradient_due = lambda: True
    asked = []
    network.gradient_size_due = lambda: asked.append(1) or len(asked) == 1
    _set_gradients(network, 1)
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
    network = _sparse(nn.Linear(8, 6))
    network.gradient_size_due = lambda: True
    network.optimizer.step()
    assert math.isnan(network.take_gradient_size())
    for parameter in network.module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    network.optimizer.step()
    assert network.take_gradient_size() == 0


def test_the_size_of_a_scaled_gradient_is_that_of_the_gradient():
    network = _sparse(nn.Linear(8, 6))
    network.gradient_size_due = lambda: True
    sizes = []
    for scale in (None, 1024.0):
        _set_gradients(network, 1)
        if scale is not None:
            network.optimizer.grad_scale = torch.tensor(scale)  # as GradScaler tells fused ones
            network.module.weight.grad *= scale
        with torch.no_grad():
            network.module.weight.copy_(torch.ones(6, 8) * network.masks["weight"])
        network._take_gradients()
        sizes.append(network.take_gradient_size())
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-6)
