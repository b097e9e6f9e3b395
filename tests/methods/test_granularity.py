"""Every method with blocks of output channels: whole blocks, budgets, resume, and ways back."""

import copy

import pytest
import torch
from torch import nn

from needs import in_full
from sparsegan import METHODS, Adapt, Dda, SparseganError, Static, StuGan
from toy_gan import ToyGan, moved_budget, require_equal, require_sparse

SETTINGS = {
    "dense": {},
    "static": {"generator_density": 0.3, "discriminator_density": 0.4},
    "ramp": {"generator_density": 0.3, "interval": 3, "ramp_interval": 4},
    "sdst": {"generator_density": 0.3, "interval": 3},
    "dda": {"generator_density": 0.3, "control_interval": 4},
    "adapt": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "calibrated": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "joint": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "stu-gan": {"generator_density": 0.3, "interval": 3},
    "prune": {"generator_density": 0.3},
    "gmp": {"generator_density": 0.3, "discriminator_density": 0.4, "interval": 2},
    "snip": {"generator_density": 0.3},
    "tickets": {"rounds": 3, "share": 0.4},
}
STEPS = 13


def _method(name, gan, **settings):
    common = {"balance_every": 2, "balance_window": 2, "granularity": "block", "engine": "masked"}
    return METHODS[name](*gan.parts, steps=STEPS, **{**SETTINGS[name], **common, **settings})


def _require_whole_blocks(masks):
    for layer in masks.layers:
        output = 1 if isinstance(layer.module, nn.ConvTranspose2d) else 0
        for block in masks[layer.name].split(4, dim=output):
            assert torch.equal(block.any(output), block.all(output)), layer.name


@pytest.mark.parametrize("ratio", [0.9, *in_full(0.1)])
@pytest.mark.parametrize("name", METHODS)
def test_blocks_stay_whole_and_budgets_hold_after_every_step(name, ratio):
    gan = ToyGan(spectral_norm="parametrized")
    method = _method(name, gan)
    networks = method.networks.values()
    budget, first = method.generator.masks.active, [n.masks.flat for n in networks]
    assert abs(budget - method.generator.masks.budget) <= 2
    changes = []
    for _ in range(STEPS):
        [events] = gan.run(method, 1, ratio=ratio)
        changes += events.changes
        budget = moved_budget(events.changes, budget)
        assert method.generator.masks.active == budget
        if events.decision is not None:
            assert method.discriminator.masks.budget == events.decision.to_active
        for network in networks:
            require_sparse(network)
            _require_whole_blocks(network.masks)
            assert abs(network.masks.active - network.masks.budget) <= 2
        for layer in method.generator.masks.layers:
            mask = method.generator.masks[layer.name]
            assert not method.ema.averages[f"{layer.name}.weight"][~mask].any()
    assert all(bool(p.isfinite().all()) for p in [*gan.G.parameters(), *gan.D.parameters()])
    moved = [not torch.equal(n.masks.flat, was) for n, was in zip(networks, first, strict=True)]
    assert (
        moved
        == {
            "dense": [False, False],
            "static": [False, False],
            "ramp": [True, True],
            "sdst": [True, False],
            "dda": [False, True],
            "adapt": [True, True],
            "calibrated": [True, True],
            "joint": [True, True],
            "stu-gan": [True, True],
            "prune": [True, False],
            "gmp": [True, True],
            "snip": [True, True],
            "tickets": [True, True],
        }[name]
    )
    assert any(moved) == any(change.grown + change.dropped for change in changes)


@pytest.mark.parametrize("name", ["adapt", "stu-gan", "gmp", "tickets"])
def test_a_resumed_run_with_blocks_ends_with_the_same_bits(name):
    whole = ToyGan(spectral_norm="legacy")
    method = _method(name, whole)
    whole.run(method, 5, ratio=0.9)
    saved = copy.deepcopy([whole.state(), method.state_dict()])
    whole.run(method, STEPS - 5, ratio=0.9)

    resumed = ToyGan(spectral_norm="legacy")
    other = _method(name, resumed, seed=1)
    resumed.load(saved[0])
    other.load_state_dict(saved[1])
    resumed.step = 5
    resumed.run(other, STEPS - 5, ratio=0.9)
    require_equal(whole.state(), resumed.state())
    require_equal(method.state_dict(), other.state_dict())


def test_a_density_that_rises_and_falls_comes_back_to_the_same_budget():
    gan = ToyGan()
    control = {"control_interval": 2, "density_step": 0.037}
    method = Dda(
        *gan.parts,
        steps=99,
        generator_density=0.3,
        balance_every=1,
        balance_window=2,
        granularity="block",
        **control,
    )
    masks = method.discriminator.masks
    start = masks.budget
    gan.run(method, 8, ratio=0.9)
    assert masks.budget > 1.3 * start
    gan.run(method, 8, ratio=0.1)
    assert masks.budget == start
    assert abs(masks.active - start) <= 2


def test_a_strict_cap_is_met_by_whole_blocks_and_explored_there():
    gan = ToyGan()
    method = Adapt(
        *gan.parts,
        steps=99,
        variant="strict",
        generator_density=0.45,
        control_interval=2,
        balance_every=1,
        balance_window=2,
        granularity="block",
    )
    masks = method.discriminator.masks
    events = gan.run(method, 8, ratio=0.9)
    assert [e.decision.action for e in events if e.decision] == ["raise"] + ["rewire"] * 3
    assert masks.budget == int(0.5 * masks.total + 0.5)
    assert abs(masks.active - masks.budget) <= 2
    explored = [c for e in events for c in e.changes if c.network == "discriminator"][1:]
    assert len(explored) == 3
    assert all(0 < c.grown == c.dropped for c in explored)


def test_a_state_of_another_granularity_is_refused():
    state = _method("static", ToyGan()).state_dict()
    method = _method("static", ToyGan(), granularity="weight")
    with pytest.raises(SparseganError, match="masks are of granularity block, not weight"):
        method.load_state_dict(state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"granularity": "row"}, "granularity is 'row': choose one of weight, block"),
        ({"generator_density": 0.006}, "needs at least one block of up to 4, so take"),
    ],
)
def test_wrong_use_is_one_sentence_and_touches_nothing(settings, message):
    gan = ToyGan()
    before = gan.state()
    with pytest.raises(SparseganError, match=message):
        _method("static", gan, **settings)
    require_equal(before, gan.state())
    assert gan.hooks() == 0


def test_single_weights_are_the_default():
    for kind in (Static, StuGan):
        method = kind(*ToyGan().parts, steps=5)
        assert method.settings.granularity == method.generator.masks.units.granularity == "weight"
