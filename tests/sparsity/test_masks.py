"""Exact counts, zeros where they belong, and a state that is whole or refused."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_maskable import LAYERS
from torch import nn
from torch.nn.utils import parametrizations

from reference import budget, layer_counts
from sparsegan import Masks, SparseganError


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _network(spectral_norm=lambda module: module):
    return nn.ModuleDict({name: spectral_norm(make()) for name, make in LAYERS.items()})


NORMS = [lambda m: m, torch.nn.utils.spectral_norm, parametrizations.spectral_norm]


@pytest.mark.parametrize("norm", NORMS, ids=["plain", "legacy", "parametrized"])
@pytest.mark.parametrize("density", [0.1, 0.35, 1.0])
def test_every_layer_kind_gets_its_exact_count_and_zeros(norm, density, device):
    network = _network(norm).to(device)
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    masks = Masks(network, density, generator=_generator())
    shapes = [tuple(layer.parameter.shape) for layer in masks.layers]
    assert list(masks.counts().values()) == layer_counts(shapes, density, "erk")
    assert masks.active == budget(density, masks.total)
    for layer in masks.layers:
        weight = layer.parameter
        assert torch.equal(weight != 0, masks[layer.name])
        assert int((weight != 0).sum()) == masks.counts()[layer.name]
    for name, buffer in network.named_buffers():
        assert torch.equal(buffers[name], buffer), f"{name} moved: a power iteration was run"


@pytest.mark.parametrize("norm", NORMS, ids=["plain", "legacy", "parametrized"])
@pytest.mark.parametrize("density", [0.1, 0.35, 1.0])
def test_every_layer_kind_has_whole_blocks_and_zeros(norm, density, device):
    network = _network(norm).to(device)
    masks = Masks(network, density, granularity="block", generator=_generator())
    assert masks.budget == budget(density, masks.total)
    assert masks.active == int(masks.flat.sum()) == 4 * round(masks.budget / 4 - 1e-9)
    for layer in masks.layers:
        mask = masks[layer.name]
        assert torch.equal(layer.parameter != 0, mask)
        outputs = 1 if "transposed" in layer.name else 0  # all layers have four output channels
        assert torch.equal(mask.any(outputs), mask.all(outputs))
        assert int(mask.sum()) == masks.counts()[layer.name] >= 4


def test_single_weights_are_drawn_layer_by_layer_one_permutation_each():
    masks = Masks(_network(), 0.35, generator=_generator(3))
    shapes = [tuple(layer.parameter.shape) for layer in masks.layers]
    rng = _generator(3)
    for name, size, count in zip(
        masks.names, masks.sizes().values(), layer_counts(shapes, 0.35, "erk"), strict=True
    ):
        drawn = torch.randperm(size, generator=rng)[:count]
        assert masks[name].flatten().nonzero().flatten().tolist() == sorted(drawn.tolist())


def test_blocks_are_drawn_uniformly():
    hits = np.zeros(40)
    for seed in range(400):
        layer = nn.Linear(20, 8)  # 40 blocks
        masks = Masks(layer, 0.25, granularity="block", generator=_generator(seed))
        hits += masks.units.first(masks.flat).numpy()
    # Binomial(400, 1/4): mean 100, deviation 8.7; five deviations hold for all 40 blocks.
    assert np.all(np.abs(hits - 100) < 44)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5),
    st.floats(0.0, 1.0),
    st.sampled_from(["uniform", "er", "erk"]),
)
def test_budgets_of_any_network_are_exact_or_refused(shapes, density, allocation):
    network = nn.ModuleList(nn.Linear(*shape) for shape in shapes)
    total = sum(a * b for a, b in shapes)
    if density == 0 or budget(density, total) < len(shapes):
        with pytest.raises(SparseganError):
            Masks(network, density, allocation)
    else:
        masks = Masks(network, density, allocation, generator=_generator())
        assert masks.active == budget(density, total) == int(masks.flat.sum())
        assert masks.density == masks.active / total
        assert min(masks.counts().values()) >= 1


@pytest.mark.parametrize("density", [0.0, -1.0, 1.5, float("nan")])
def test_a_refused_density_leaves_the_weights_alone(density):
    network = nn.Linear(5, 5)
    weight = network.weight.detach().clone()
    with pytest.raises(SparseganError, match="density"):
        Masks(network, density)
    assert torch.equal(network.weight, weight)


def test_the_draw_is_uniform_over_the_places():
    hits = np.zeros(40)
    for seed in range(400):
        hits += Masks(nn.Linear(8, 5), 0.25, generator=_generator(seed)).flat.numpy()
    # Binomial(400, 1/4): mean 100, deviation 8.7; five deviations hold for all 40 places.
    assert np.all(np.abs(hits - 100) < 44)


def test_the_draw_follows_its_generator_alone(device):
    first = Masks(nn.Linear(20, 20).to(device), 0.3, generator=_generator(4))
    torch.manual_seed(99)
    second = Masks(nn.Linear(20, 20), 0.3, generator=_generator(4))
    third = Masks(nn.Linear(20, 20), 0.3, generator=_generator(5))
    assert torch.equal(first.flat.cpu(), second.flat)
    assert first.checksum() == second.checksum() != third.checksum()


def test_replace_zeroes_what_was_dropped_and_remembers_what_was_ever_active(device):
    network = nn.Linear(4, 5, bias=False).to(device)
    masks = Masks(network, 0.5, generator=_generator())
    first, version = masks.flat, masks.version
    masks.replace(~first)
    assert masks.version == version + 1
    assert not network.weight.any()  # the new ones were zero, the old ones have gone
    assert masks.ever_active == 1.0
    masks.replace(first)
    assert masks.ever_active == 1.0
    assert masks.version == version + 2


def test_a_mask_that_empties_a_layer_is_refused_and_nothing_changes():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    masks = Masks(network, 0.5, generator=_generator())
    flat, version = masks.flat.clone(), masks.version
    with pytest.raises(SparseganError, match="layer 1 would lose its last active weight"):
        masks.replace(torch.tensor([True] * 4 + [False] * 4))
    assert torch.equal(masks.flat, flat)
    assert masks.version == version


def test_a_mask_that_splits_a_block_is_refused_and_nothing_changes():
    masks = Masks(nn.Linear(2, 8), 0.5, granularity="block", generator=_generator())
    flat, version = masks.flat.clone(), masks.version
    split = flat.clone()
    split[int(flat.nonzero()[0])] = False
    with pytest.raises(SparseganError, match="whole blocks of output channels"):
        masks.replace(split)
    assert torch.equal(masks.flat, flat)
    assert masks.version == version


@pytest.mark.parametrize("granularity", ["weight", "block"])
def test_a_budget_is_what_was_asked_for_or_what_there_is(granularity):
    masks = Masks(nn.Linear(5, 8), 0.36, granularity=granularity, generator=_generator())
    assert masks.budget == 14
    assert masks.active == (14 if granularity == "weight" else 12)
    masks.replace(torch.ones_like(masks.flat), 39)
    assert (masks.budget, masks.active) == (39, 40)
    masks.replace(masks.flat)
    assert masks.budget == 40


def test_clear_takes_none_for_what_is_absent():
    masks = Masks(nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 2)), 0.5, generator=_generator())
    tensor = torch.ones(2, 4)
    masks.clear_([None, tensor])
    assert torch.equal(tensor.bool(), masks["1"])


@pytest.mark.parametrize("density", [0.4, 1.0])
def test_masks_follow_a_network_that_is_moved(density):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    network = nn.Linear(6, 6)
    masks = Masks(network, density, generator=_generator())
    network.cuda()
    masks.apply_()
    assert masks.flat.device == network.weight.device == masks["weight"].device


def test_a_saved_state_restores_masks_and_weights():
    network = nn.Sequential(nn.Linear(5, 7), nn.Conv2d(2, 3, 3))
    masks = Masks(network, 0.3, generator=_generator(1))
    state = copy.deepcopy(masks.state_dict())
    other = Masks(nn.Sequential(nn.Linear(5, 7), nn.Conv2d(2, 3, 3)), 0.6, generator=_generator(2))
    version = other.version
    other.load_state_dict(state)
    assert torch.equal(other.flat, masks.flat)
    assert other.counts() == masks.counts()
    assert other.initial_counts == masks.initial_counts
    assert other.ever_active == masks.ever_active
    assert other.version > version
    for layer in other.layers:
        assert not layer.parameter[~other[layer.name]].any()


def test_a_saved_state_of_blocks_restores_masks_and_budget():
    masks, other = (
        Masks(nn.Conv2d(5, 6, 3), density, granularity="block", generator=_generator(seed))
        for seed, density in enumerate((0.3, 0.7))
    )
    other.load_state_dict(copy.deepcopy(masks.state_dict()))
    assert torch.equal(other.flat, masks.flat)
    assert (other.budget, other.active) == (masks.budget, masks.active)
    assert other.ever_active == masks.ever_active


@pytest.mark.parametrize(("ours", "theirs"), [("weight", "block"), ("block", "weight")])
def test_a_state_of_another_granularity_is_refused(ours, theirs):
    masks, other = (
        Masks(nn.Linear(8, 8), 0.5, granularity=kind, generator=_generator())
        for kind in (ours, theirs)
    )
    flat = masks.flat
    with pytest.raises(
        SparseganError, match=f"saved masks are of granularity {theirs}, not {ours}"
    ):
        masks.load_state_dict(other.state_dict())
    assert torch.equal(masks.flat, flat)


@pytest.mark.parametrize(
    "lost",
    ["active", "ever_active", "names", "shapes", "initial_counts", "granularity", "budget"],
)
def test_a_state_without_its_masks_is_refused(lost):
    masks = Masks(nn.Linear(5, 5), 0.5, generator=_generator())
    state = masks.state_dict()
    del state[lost]
    with pytest.raises(SparseganError, match=f"holds no masks .*{lost}"):
        masks.load_state_dict(state)


def test_a_state_of_another_network_or_damaged_is_refused():
    masks = Masks(nn.Linear(5, 5), 0.5, generator=_generator())
    other = Masks(nn.Linear(5, 6), 0.5, generator=_generator()).state_dict()
    with pytest.raises(SparseganError, match="another network"):
        masks.load_state_dict(other)
    damaged = masks.state_dict()
    damaged["active"] = damaged["active"][:-1]
    with pytest.raises(SparseganError, match="damaged"):
        masks.load_state_dict(damaged)
    blocks = Masks(nn.Linear(5, 8), 0.5, granularity="block", generator=_generator())
    damaged = blocks.state_dict()
    damaged["active"] = damaged["active"] ^ 1
    with pytest.raises(SparseganError, match="active in part"):
        blocks.load_state_dict(damaged)


def test_a_shared_weight_is_masked_once():
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    masks = Masks(nn.Sequential(first, second), 0.5, generator=_generator())
    assert masks.total == 36
    assert int((second.weight != 0).sum()) == masks.active == 18
