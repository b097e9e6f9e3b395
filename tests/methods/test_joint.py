"""Two networks that share one budget of weights."""

import copy

import pytest
import torch

import reference
from sparsegan import Joint, SparseganError
from toy_gan import ToyGan, require_equal, require_sparse

SHORT = {
    "generator_density": 0.4,
    "discriminator_density": 0.5,
    "interval": 3,
    "balance_every": 1,
    "balance_window": 2,
    "control_interval": 4,
    "density_step": 0.05,
}


def _decisions(events):
    return [event.decision for event in events if event.decision]


def _active(method):
    return method.generator.masks.active, method.discriminator.masks.active


@pytest.mark.parametrize(("ratio", "sign"), [(0.9, 1), (0.2, -1), (0.5, 0)])
def test_what_one_network_gains_the_other_loses(ratio, sign):
    gan = ToyGan()
    method = Joint(*gan.parts, steps=60, **SHORT)
    before = _active(method)
    step = round(0.05 * method.discriminator.masks.total)
    for count in range(1, 4):
        events = gan.run(method, 4, ratio=ratio)
        assert _active(method) == (before[0] - sign * count * step, before[1] + sign * count * step)
        moved = [c.network for e in events for c in e.changes if c.reason in ("raise", "lower")]
        assert moved == (["discriminator", "generator"] if sign else [])
        [decision] = _decisions(events)
        assert decision.to_active == method.discriminator.masks.active
        require_sparse(method.generator)
        require_sparse(method.discriminator)


@pytest.mark.parametrize("ratio", [0.9, 0.2])
def test_each_change_is_the_slow_references(ratio):
    gan, kept, weights = ToyGan(), {}, {}
    # Before the method's own hooks, which leave the gradients of active weights alone.
    for name, optimiser, module in (
        ("generator", gan.opt_G, gan.G),
        ("discriminator", gan.opt_D, gan.D),
    ):

        def keep(*_, name=name, module=module):
            gradients = [p.grad.flatten() for p in module.parameters() if p.dim() > 1]
            kept[name] = torch.cat(gradients).tolist()

        optimiser.register_step_pre_hook(keep)
    method = Joint(*gan.parts, steps=60, **{**SHORT, "interval": 50})
    gan.run(method, 3, ratio=ratio)
    masks = {name: one.masks.flat.tolist() for name, one in method.networks.items()}
    # D's step comes first, so that its weights are final by the time of G's.
    gan.opt_G.register_step_post_hook(
        lambda *_: weights.update({n: one.masks.weights() for n, one in method.networks.items()})
    )
    [events] = gan.run(method, 1, ratio=ratio)
    assert len(events.changes) == 2
    for name, network in method.networks.items():
        names = [layer for layer, size in network.masks.sizes().items() for _ in range(size)]
        values = torch.cat([w.flatten() for w in weights[name]]).tolist()
        was, count = masks[name], network.masks.active
        expected = reference.resize_network(names, was, values, kept[name], count)
        assert network.masks.flat.tolist() == expected


@pytest.mark.parametrize("ratio", [0.9, 0.2])
def test_a_payment_does_not_take_back_what_was_grown_at_that_step(ratio):
    gan = ToyGan()
    method = Joint(*gan.parts, steps=60, **{**SHORT, "interval": 4})
    gan.run(method, 3, ratio=ratio)
    [events] = gan.run(method, 1, ratio=ratio)
    [rewired] = [c for c in events.changes if c.reason == "rewire"]
    own = [c for c in events.changes if c.network == "generator"]
    assert rewired.grown
    # What G pays is gone before it is rewired; what it gains comes after.
    assert own.index(rewired) == (1 if ratio > 0.5 else 0)
    weights = torch.cat([w.flatten() for w in method.generator.masks.weights()])
    fresh = (weights == 0) & method.generator.masks.flat
    assert int(fresh.sum()) >= rewired.grown


def test_a_generator_at_its_floor_pays_what_it_has_and_then_nothing():
    gan = ToyGan()
    settings = {**SHORT, "generator_floor": 0.35}
    method = Joint(*gan.parts, steps=60, **settings)
    total = sum(_active(method))
    first, second = _decisions(gan.run(method, 8, ratio=0.9))
    assert (first.action, second.action) == ("raise", "hold")
    assert second.reason == "ratio above the band, but the generator has no room"
    masks = method.generator.masks
    assert masks.active == reference.budget(0.35, masks.total)
    assert sum(_active(method)) == total


def test_a_gain_without_a_step_to_grow_by_waits():
    gan = ToyGan()
    method = Joint(*gan.parts, steps=60, **SHORT)
    gan.run(method, 3, ratio=0.9)
    before = _active(method)
    method.discriminator.forget_growth_gradient()
    gan.discriminator_step = lambda: None
    [decision] = _decisions(gan.run(method, 1, ratio=0.9))
    assert decision.action == "hold"
    assert "nobody made a step to grow by" in decision.reason
    assert _active(method) == before


def test_a_saved_run_goes_on_to_the_same_bits():
    gan = ToyGan()
    method = Joint(*gan.parts, steps=60, **SHORT)
    gan.run(method, 10, ratio=0.9)
    saved, state = gan.state(), copy.deepcopy(method.state_dict())
    gan.run(method, 10, ratio=0.2)
    other = ToyGan()
    resumed = Joint(*other.parts, steps=60, **SHORT)
    other.load(saved)
    resumed.load_state_dict(state)
    other.step = 10
    other.run(resumed, 10, ratio=0.2)
    require_equal(resumed.state_dict(), method.state_dict())
    require_equal(other.state(), gan.state())


@pytest.mark.parametrize(
    ("density", "expected"),
    [(0.6, (0.6, 0.3)), (0.4, (0.4, 0.5)), (1.0, (0.88, 0.02)), (0.0, (0.0, 0.9))],
)
def test_a_forecast_moves_both_and_no_further_than_they_can(density, expected):
    settings = Joint.Settings(generator_density=0.4, discriminator_density=0.5)
    moved = list(settings.moved(7, density, {"generator": 1000, "discriminator": 1000}))
    assert [(m.step, m.network) for m in moved] == [(7, "discriminator"), (7, "generator")]
    assert tuple(m.density for m in moved) == pytest.approx(expected)


def test_weights_stop_where_the_other_is_dense():
    settings = Joint.Settings(generator_density=0.9, discriminator_density=0.5)
    lower, _ = settings.moved(7, 0.1, {"generator": 1000, "discriminator": 1000})
    assert lower.density == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"generator_floor": 0.0}, "generator_floor is 0.0"),
        ({"generator_floor": 0.5}, "generator_floor is 0.5"),
        ({"lever": "steps"}, "lever is 'steps'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, message):
    with pytest.raises(SparseganError, match=message):
        Joint(*ToyGan().parts, steps=60, **{**SHORT, **wrong})
