import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from sparsegan import StuGan, data
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.train import build
from tiny_run import config


@pytest.fixture
def method():
    images = data.load("fashion-mnist", split="test", image_size=28)
    settings = build.resolve(config("unused"), images)
    pair = build.pair(settings)
    method = build.method(settings, pair)
    with torch.no_grad():  # an average that is not the weights
        for average in method.ema.averages.values():
            average.mul_(0.5)
    return method


def everything(method):
    network = method.generator.module
    return (
        copy.deepcopy(network.state_dict()),
        [module.training for module in network.modules()],
        [getattr(module, "momentum", None) for module in network.modules()],
        torch.get_rng_state(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
    )


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a == b


@pytest.mark.parametrize(
    ("bn", "weights"),
    [(bn, weights) for bn in ("standing", "batch") for weights in ("ema", "live")],
)
def test_sampling_leaves_no_trace(method, bn, weights):
    before = everything(method)
    with sampling.sampled(method, bn=bn, weights=weights) as generator:
        sampling.draw_images(generator, 5, seed=0)
        torch.rand(3)
    after = everything(method)
    assert all(equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_failure_inside_leaves_no_trace_either(method):
    before = everything(method)
    with pytest.raises(RuntimeError), sampling.sampled(method):
        raise RuntimeError
    assert all(equal(a, b) for a, b in zip(before, everything(method), strict=True))


def test_standing_statistics_are_the_averages_over_their_batches():
    generator = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    generator.latent_dim = 3
    with sampling.standing_statistics(generator, seed=5, batch=16):
        norm = generator[1]
        assert not generator.training
        batches = [
            generator[0](torch.randn(16, 3, generator=stream(5, "standing", number)))
            for number in range(64)
        ]
        means = torch.stack([batch.mean(0) for batch in batches]).double().mean(0)
        variances = torch.stack([batch.var(0) for batch in batches]).double().mean(0)
        assert torch.allclose(norm.running_mean.double(), means, atol=1e-6)
        assert torch.allclose(norm.running_var.double(), variances, atol=1e-5)
    assert norm.momentum == 0.1


def test_standing_statistics_are_those_of_the_weights_in_use(method):
    drawn = {}
    for weights in ("ema", "live"):
        with sampling.sampled(method, weights=weights) as generator:
            drawn[weights] = generator.norm.running_var.clone()
    assert not torch.allclose(drawn["ema"], drawn["live"])


def test_an_image_does_not_depend_on_how_many_are_drawn(method):
    with sampling.sampled(method) as generator:
        few = sampling.draw_images(generator, 3, seed=1, batch=10)
        many = sampling.draw_images(generator, 25, seed=1, batch=10)
        other = sampling.draw_images(generator, 3, seed=2, batch=10)
    assert few.dtype == torch.uint8
    assert many.shape == (25, 1, 28, 28)
    assert torch.equal(few, many[:3])
    assert not torch.equal(few, other)


def test_batch_statistics_are_each_batchs_own(method):
    with sampling.sampled(method, bn="batch") as generator:
        assert generator.training
        first = sampling.draw_images(generator, 4, seed=0, batch=4)
        z = torch.randn((4, 8), generator=stream(0, "sample", 0))
        with torch.no_grad():
            expected = (generator(z) * 127.5 + 127.5).round().to(torch.uint8)
    assert torch.equal(first, expected)


@pytest.fixture
def averaging():
    """A method whose average has statistics, three steps in which they were moved."""
    torch.manual_seed(3)
    generator = nn.Sequential(
        nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 16), nn.Unflatten(1, (1, 4, 4))
    )
    generator.latent_dim = 8
    D = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    optimisers = [torch.optim.Adam(net.parameters(), lr=0.05) for net in (generator, D)]
    method = StuGan(
        generator, D, *optimisers, steps=9, interval=2, ema_decay=0.7, maskable="weights"
    )
    kept = [copy.deepcopy(generator.state_dict())]
    for step in range(3):
        scores = D(generator(torch.randn(5, 8, generator=stream(step))))
        optimisers[0].zero_grad()
        (-scores.mean()).backward()
        optimisers[0].step()
        kept.append(copy.deepcopy(generator.state_dict()))
        method.after_generator_step(scores.detach())
    return method, kept


def test_stored_statistics_of_averaged_weights_are_those_that_were_averaged(averaging):
    """Against plain averages of what the layer held after every step, and a plain forward."""
    method, kept = averaging
    average = {name: kept[0][name].double() for name in ("1.running_mean", "1.running_var")}
    for state in kept[1:]:
        average = {name: 0.7 * a + 0.3 * state[name].double() for name, a in average.items()}
    with sampling.sampled(method, bn="stored") as generator:
        norm = generator[1]
        assert not generator.training
        for name, expected in average.items():
            own = norm.state_dict()[name.removeprefix("1.")]
            torch.testing.assert_close(own.double(), expected, rtol=1e-6, atol=1e-7)
        drawn = sampling.draw_images(generator, 3, seed=1)
        few = sampling.draw_images(generator, 1, seed=1)
    parts = method.ema.averages
    z = torch.randn((100, 8), generator=stream(1, "sample", 0))[:3]
    x = z @ parts["0.weight"].T + parts["0.bias"]
    x = (x - average["1.running_mean"]) / (average["1.running_var"] + 1e-5).sqrt()
    x = (x * parts["1.weight"] + parts["1.bias"]).relu().float()
    expected = sampling.to_uint8((x @ parts["3.weight"].T + parts["3.bias"]).view(3, 1, 4, 4))
    assert int((drawn.int() - expected.int()).abs().max()) <= 1
    assert torch.equal(few, drawn[:1])


def test_stored_statistics_of_live_weights_are_the_networks_own(averaging):
    method, kept = averaging
    with sampling.sampled(method, bn="stored", weights="live") as generator:
        for name, tensor in generator.state_dict().items():
            assert torch.equal(tensor, method.generator.module.state_dict()[name])
            assert name[0] != "1" or torch.equal(tensor, kept[-1][name])


def test_stored_statistics_leave_no_trace(averaging):
    method, _ = averaging
    before = everything(method)
    with sampling.sampled(method, bn="stored") as generator:
        sampling.draw_images(generator, 5, seed=0)
    assert all(equal(a, b) for a, b in zip(before, everything(method), strict=True))


def test_stored_statistics_are_refused_where_the_average_has_none(method):
    with (
        pytest.raises(SparseganError, match=r"ema_buffers is live\): train with"),
        sampling.sampled(method, bn="stored"),
    ):
        raise AssertionError


def test_an_image_alone_is_drawn_as_evaluated_or_under_standing_statistics(method, averaging):
    lasting = [
        [sampling.lasting(bn, of.settings) for bn in ("standing", "stored", "batch")]
        for of in (method, averaging[0])
    ]
    assert lasting == [["standing"] * 3, ["standing", "stored", "standing"]]
