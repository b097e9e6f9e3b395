"""A ramp: D's density by its formula, its masks by the slow reference, and G as in SDST."""

import copy
import math

import pytest
import torch

import reference
from needs import in_full
from sparsegan import Ramp, Sdst, SparseganError
from toy_gan import ToyGan, require_equal, require_sparse

SHORT = {"generator_density": 0.3, "interval": 3, "balance_every": 2, "balance_window": 2}
UP = {"discriminator_density": 0.2, "discriminator_end": 0.8}
DOWN = {"discriminator_density": 0.8, "discriminator_end": 0.2}


def _share(shape, t):
    """How much of the way is gone at a share t of the ramp, from its picture."""
    if shape == "linear":
        return t
    if shape == "cosine":
        return math.sin(math.pi * t / 2) ** 2
    return sum(t >= k / 4 - 1e-12 for k in (1, 2, 3, 4)) / 4


@pytest.mark.parametrize("ends", [UP, DOWN])
@pytest.mark.parametrize("shape", ["linear", "cosine", "steps"])
@pytest.mark.parametrize(("first", "last"), [(0.25, 0.75), *in_full((0.0, 1.0), (0.1, 0.9))])
def test_the_density_follows_its_shape(ends, shape, first, last):
    gan = ToyGan()
    settings = {"ramp_shape": shape, "ramp_from": first, "ramp_to": last, "ramp_interval": 2}
    method = Ramp(*gan.parts, steps=40, **SHORT, **ends, **settings)
    total, start, end = method.discriminator.masks.total, *ends.values()
    announced = {m.step: m.density for m in method.settings.scheduled(40)}
    seen = method.discriminator.masks.active
    for step in range(1, 41):
        [events] = gan.run(method, 1)
        at = step - step % 2 if step < 40 else 38
        t = min(1.0, max(0.0, (at - 40 * first) / (min(38, 40 * last) - 40 * first)))
        density = start + (end - start) * _share(shape, t)
        active = method.discriminator.masks.active
        assert abs(active - density * total) <= 0.5 + 1e-6
        moved = [c for c in events.changes if c.network == "discriminator"]
        assert bool(moved) == (step in announced) == (active != seen)
        if moved:
            assert announced[step] == pytest.approx(density)
            assert moved[0].reason == ("raise" if end > start else "lower")
        assert events.decision is None
        seen = active
        require_sparse(method.discriminator)
    assert active == reference.budget(end, total)


@pytest.mark.parametrize("ends", [UP, DOWN])
@pytest.mark.parametrize("d_first", [True, False])
def test_each_change_is_the_slow_references(ends, d_first):
    gan = ToyGan(d_first=d_first)
    kept = {}
    gan.opt_D.register_step_pre_hook(
        lambda *_: kept.update(grad=[p.grad.clone() for p in gan.D.parameters() if p.dim() > 1])
    )
    method = Ramp(*gan.parts, steps=20, ramp_interval=5, **SHORT, **ends)
    gan.run(method, 4)
    masks = method.discriminator.masks
    for step in (5, 10, 15):
        if step > 5:
            gan.run(method, 4)
        before, kept["weights"] = masks.flat.tolist(), masks.weights()
        if d_first:
            gan.opt_D.register_step_post_hook(lambda *_: kept.update(weights=masks.weights()))
        else:
            gradients = torch.cat([g.flatten() for g in kept["grad"]]).tolist()
        [events] = gan.run(method, 1)
        if d_first:
            gradients = torch.cat([g.flatten() for g in kept["grad"]]).tolist()
        density = ends["discriminator_density"] + 0.6 * step / 15 * (1 if ends is UP else -1)
        expected = reference.resize_network(
            [name for name, size in masks.sizes().items() for _ in range(size)],
            before,
            kept["weights"].tolist(),
            gradients,
            reference.budget(density, masks.total),
        )
        assert masks.flat.tolist() == expected
        assert [c.network for c in events.changes][-1] == "discriminator"


def test_the_generator_is_sdsts():
    masks = []
    for kind, ends in ((Ramp, {"discriminator_end": 0.3, "ramp_interval": 2}), (Sdst, {})):
        gan = ToyGan()
        method = kind(*gan.parts, steps=20, **SHORT, **ends)
        events = gan.run(method, 20)
        masks.append([method.generator.masks.flat, gan.state(), str(events)])
    require_equal(*masks)


@pytest.mark.parametrize("growth", ["gradient", "random", "hybrid"])
def test_a_resumed_ramp_ends_with_the_same_bits(growth):
    settings = {**SHORT, **UP, "ramp_interval": 2, "ramp_growth": growth, "steps": 20}
    whole = ToyGan(d_first=False)
    method = Ramp(*whole.parts, **settings)
    whole.run(method, 7)
    saved = copy.deepcopy([whole.state(), method.state_dict()])
    whole.run(method, 13)
    resumed = ToyGan(d_first=False)
    other = Ramp(*resumed.parts, **settings, seed=1)
    resumed.load(saved[0])
    other.load_state_dict(saved[1])
    resumed.step = 7
    resumed.run(other, 13)
    require_equal(whole.state(), resumed.state())
    require_equal(method.state_dict(), other.state_dict())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"discriminator_end": 0.0}, "discriminator_end is 0.0: it must lie in"),
        ({"discriminator_end": 1.5}, "discriminator_end is 1.5"),
        ({"ramp_from": 0.5, "ramp_to": 0.5}, "the ramp goes from 0.5 to 0.5 of the run"),
        ({"ramp_to": 1.1}, "0 <= ramp_from < ramp_to <= 1"),
        ({"ramp_interval": 20}, "begin at step 0 of 20 and its last change would be at step 0"),
        ({"ramp_from": 0.8, "ramp_interval": 8}, "at step 16 of 20 and its last .* at step 16"),
        ({"ramp_interval": 0}, "ramp_interval is 0: it must be a whole number"),
        ({"ramp_steps": 0}, "ramp_steps is 0"),
        ({"ramp_shape": "cubic"}, "ramp_shape is 'cubic': choose one of linear, cosine, steps"),
        ({"ramp_from": float("nan")}, "the ramp goes from nan"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(SparseganError, match=message):
        Ramp(*ToyGan().parts, steps=20, **{**SHORT, **settings})
