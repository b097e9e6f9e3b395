"""SDST: a generator rewired over the whole network on time, a discriminator that stays."""

import math

import pytest
import torch

import reference
from sparsegan import Sdst
from sparsegan.sparsity import DropFraction
from toy_gan import ToyGan


@pytest.mark.parametrize("growth", ["gradient", "random"])
def test_only_the_generators_mask_moves_at_its_interval_and_count(growth):
    gan = ToyGan()
    method = Sdst(*gan.parts, steps=12, generator_density=0.3, interval=3, growth=growth)
    d_mask, active = method.discriminator.masks.flat.clone(), method.generator.masks.active
    events = gan.run(method, 12)
    assert [e.step for e in events if e.changes] == [3, 6, 9]
    for event in events:
        for change in event.changes:
            assert (change.network, change.reason, change.active) == ("generator", "rewire", active)
            assert 0 < change.grown == change.dropped
            most = math.floor(DropFraction()(event.step, 12) * active)
            assert change.dropped <= most
            assert change.churn == change.grown / active
    assert torch.equal(method.discriminator.masks.flat, d_mask)
    assert method.generator.masks.ever_active > method.generator.masks.density


def test_a_rewiring_is_the_reference_on_the_stepped_weights_and_gradient():
    gan, kept = ToyGan(), {}
    gan.opt_G.register_step_pre_hook(
        lambda *_: kept.update(grad=[p.grad.clone() for p in gan.G.parameters() if p.dim() > 1])
    )
    method = Sdst(*gan.parts, steps=10, generator_density=0.3, interval=5)
    gan.run(method, 4)
    masks = method.generator.masks
    gan.opt_G.register_step_post_hook(lambda *_: kept.update(weights=masks.weights()))
    before = masks.flat.tolist()
    gan.run(method, 1)
    expected = reference.rewire_network(
        [name for name, size in masks.sizes().items() for _ in range(size)],
        before,
        kept["weights"].tolist(),
        torch.cat([g.flatten() for g in kept["grad"]]).tolist(),
        0.005 + 0.495 * (1 + math.cos(math.pi / 2)) / 2,
    )
    assert masks.flat.tolist() == expected


@pytest.mark.parametrize(
    ("settings", "fractions"),
    [
        ({"drop_shape": "constant", "drop_start": 0.2}, [0.2, 0.2, 0.2]),
        ({"drop_shape": "linear", "drop_start": 0.4, "drop_end": 0.0}, [0.3, 0.2, 0.1]),
        ({}, [DropFraction()(t, 8) for t in (2, 4, 6)]),
    ],
    ids=["constant", "linear", "cosine"],
)
def test_drop_schedules_are_functions_of_the_share_of_the_run(monkeypatch, settings, fractions):
    gan, seen = ToyGan(), []
    method = Sdst(*gan.parts, steps=8, interval=2, **settings)
    rewire = method.generator.rewire
    monkeypatch.setattr(
        method.generator, "rewire", lambda **kw: (seen.append(kw["fraction"]), rewire(**kw))[1]
    )
    gan.run(method, 8)
    assert seen == pytest.approx(fractions)
