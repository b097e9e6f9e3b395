"""ADAPT: both variants from start to cap, and their published constants."""

import pytest
import torch

from sparsegan import Adapt
from toy_gan import ToyGan, require_sparse

SHORT = {"interval": 3, "control_interval": 2, "balance_every": 1, "balance_window": 2}


def test_published_constants_of_both_variants():
    relaxed = Adapt(*ToyGan().parts, steps=10).settings
    strict = Adapt(*ToyGan().parts, steps=10, variant="strict").settings
    assert (relaxed.cap, relaxed.control_interval, relaxed.interval) == (1.0, 1000, 500)
    assert (strict.cap, strict.control_interval, strict.interval) == (0.5, 2000, 500)
    for settings in (relaxed, strict):
        assert (settings.low, settings.high, settings.density_step) == (0.45, 0.55, 0.05)
        assert (settings.floor, settings.drop_start, settings.drop_end) == (0.05, 0.5, 0.005)
        assert (settings.balance_every, settings.balance_window) == (10, 100)
        assert (settings.allocation, settings.maskable, settings.ema_form) == (
            "erk",
            "adapt",
            "masked",
        )
        assert settings.ema_decay == 0.999


def test_the_discriminator_starts_at_the_generators_density():
    method = Adapt(*ToyGan().parts, steps=10, generator_density=0.2)
    masks = method.discriminator.masks
    assert masks.active == int(0.2 * masks.total + 0.5)


def test_relaxed_becomes_dense_and_stays_so():
    gan = ToyGan()
    method = Adapt(*gan.parts, steps=100, generator_density=0.8, **SHORT)
    events = gan.run(method, 14, ratio=0.9)
    actions = [e.decision.action for e in events if e.decision]
    assert actions == ["raise"] * 4 + ["hold"] * 3
    assert method.discriminator.masks.density == 1.0
    assert method.generator.masks.density == pytest.approx(0.8, abs=1e-3)
    require_sparse(method.generator)


def test_strict_explores_at_the_cap_with_a_fixed_count():
    gan = ToyGan()
    method = Adapt(
        *gan.parts,
        steps=100,
        generator_density=0.45,
        variant="strict",
        **{**SHORT, "control_interval": 2},
    )
    masks = method.discriminator.masks
    events = gan.run(method, 8, ratio=0.9)
    assert [e.decision.action for e in events if e.decision] == ["raise"] + ["rewire"] * 3
    assert masks.active == int(0.5 * masks.total + 0.5)
    explored = [
        c
        for e in events
        for c in e.changes
        if c.network == "discriminator" and c.reason == "rewire"
    ]
    assert len(explored) == 3
    assert all(0 < c.grown == c.dropped and c.active == masks.active for c in explored)
    # The window says nothing less after a rewiring: the density did not change.
    assert method.balance.reading().records == 2
    require_sparse(method.discriminator)


def test_a_cap_of_ones_own():
    gan = ToyGan()
    method = Adapt(*gan.parts, steps=100, generator_density=0.3, cap=0.37, **SHORT)
    gan.run(method, 8, ratio=0.9)
    masks = method.discriminator.masks
    assert masks.active == int(0.37 * masks.total + 0.5)


def test_density_falls_to_the_floor_and_no_further():
    gan = ToyGan()
    method = Adapt(*gan.parts, steps=100, generator_density=0.2, **SHORT)
    masks = method.discriminator.masks
    gan.run(method, 10, ratio=0.1)
    assert masks.active == int(0.05 * masks.total + 0.5)
    require_sparse(method.discriminator)


def test_growth_at_random_asks_for_no_gradient():
    gan = ToyGan()
    method = Adapt(
        *gan.parts,
        steps=100,
        generator_density=0.3,
        growth="random",
        control_growth="random",
        **SHORT,
    )
    for _ in range(6):
        assert not method.generator.wants_dense_gradient
        assert not method.discriminator.wants_dense_gradient
        gan.run(method, 1, ratio=0.9)
    assert method.discriminator.masks.density > 0.4


def test_a_dense_gradient_is_asked_for_just_before_growth():
    gan = ToyGan()
    method = Adapt(*gan.parts, steps=100, generator_density=0.3, **SHORT)
    wanted = []
    for step in range(1, 7):
        if method.generator.wants_dense_gradient:
            wanted.append(("G", step))
        if method.discriminator.wants_dense_gradient:
            wanted.append(("D", step))
        gan.run(method, 1)
    assert wanted == [("D", 2), ("G", 3), ("D", 4), ("G", 6), ("D", 6)]


def test_runs_with_equal_seeds_are_equal_whatever_the_global_generator():
    masks = []
    for noise in (1, 2):
        gan = ToyGan()
        torch.manual_seed(noise)
        method = Adapt(*gan.parts, steps=100, generator_density=0.3, seed=5, **SHORT)
        gan.run(method, 8, ratio=0.9)
        masks.append(torch.cat([method.generator.masks.flat, method.discriminator.masks.flat]))
    assert torch.equal(*masks)
