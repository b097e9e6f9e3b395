import copy
import random

import numpy as np
import pytest
import torch
from tiny_run import config
from torch import nn

from sparsegan import data
from sparsegan.seeding import stream
from sparsegan.train import build, sampling


@pytest.fixture
def method():
    images = data.load("fashion-mnist", split="test", image_size=28)
    chosen = build.resolve(config("unused"), images)
    pair = build.pair(chosen)
    method = build.method(chosen, pair)
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


@pytest.mark.parametrize("bn", ["standing", "batch"])
@pytest.mark.parametrize("weights", ["ema", "live"])
def test_sampling_leaves_no_trace(method, bn, weights):
    before = everything(method)
    with sampling.sampled(method, bn=bn, weights=weights) as generator:
        sampling.images(generator, 5, seed=0)
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
        few = sampling.images(generator, 3, seed=1, batch=10)
        many = sampling.images(generator, 25, seed=1, batch=10)
        other = sampling.images(generator, 3, seed=2, batch=10)
    assert few.dtype == torch.uint8
    assert many.shape == (25, 1, 28, 28)
    assert torch.equal(few, many[:3])
    assert not torch.equal(few, other)


def test_batch_statistics_are_each_batchs_own(method):
    with sampling.sampled(method, bn="batch") as generator:
        assert generator.training
        first = sampling.images(generator, 4, seed=0, batch=4)
        z = torch.randn((4, 8), generator=stream(0, "sample", 0))
        with torch.no_grad():
            expected = (generator(z) * 127.5 + 127.5).round().to(torch.uint8)
    assert torch.equal(first, expected)
