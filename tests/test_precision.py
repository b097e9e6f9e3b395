"""Sums in double precision, and whole methods on a device that has none."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import sparsegan
from other_device import DEVICE, OtherDevice, moved
from sparsegan.precision import total


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_total_is_that_of_exact_arithmetic(dtype, device):
    values = torch.randn(1000).to(dtype)
    assert total(values.to(device)) == pytest.approx(math.fsum(values.tolist()), rel=1e-14)


def test_a_total_of_what_is_no_number_is_none(device):
    for values in ([math.inf, -math.inf], [math.nan, 1.0]):
        assert math.isnan(total(torch.tensor(values, device=device)))
    assert total(torch.tensor([math.inf, 1.0], device=device)) == math.inf


METHODS = [
    (sparsegan.Adapt, {"control_interval": 4}),
    (sparsegan.Adapt, {"control_interval": 4, "growth": "random", "control_growth": "random"}),
    (sparsegan.Adapt, {"control_interval": 4, "granularity": "block", "variant": "strict"}),
    (sparsegan.Sdst, {"granularity": "block", "growth": "random"}),
    (sparsegan.StuGan, {"maskable": "weights", "ema_buffers": "average"}),
    (sparsegan.Prune, {"prune_at": 0.4, "discriminator_density": 0.5}),
    (sparsegan.Gmp, {"granularity": "block"}),
    (sparsegan.Snip, {}),
    (sparsegan.Tickets, {"rounds": 3, "rewind_to": 2, "weights": "drawn"}),
]


@pytest.mark.parametrize(("method", "settings"), METHODS)
def test_on_a_device_without_float64_a_run_is_that_of_the_cpu(method, settings):
    fields = method.Settings.__dataclass_fields__
    usual = {"interval": 3, "generator_density": 0.3, "balance_every": 1, "balance_window": 3}
    settings = {key: value for key, value in usual.items() if key in fields} | settings
    G = nn.Sequential(nn.Linear(8, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 10))
    D = nn.Sequential(nn.Linear(10, 22), nn.ReLU(), nn.Linear(22, 1))
    here = _run(copy.deepcopy(G), copy.deepcopy(D), "cpu", method, settings)
    with OtherDevice():
        there = _run(moved(G), moved(D), DEVICE, method, settings)
    assert repr(there) == repr(here)  # as NaN is not equal to itself


def _run(G, D, device, method, settings):
    """All that a short run shows: its events, in the end its weights, masks and averages."""
    opt_G, opt_D = (torch.optim.Adam(x.parameters(), 0.01, foreach=False) for x in (G, D))
    method = method(G, D, opt_G, opt_D, steps=20, engine="masked", **settings)
    random, events = torch.Generator().manual_seed(1), []
    for _ in range(13):
        real, z = (torch.randn(5, n, generator=random).to(device) for n in (10, 8))
        opt_D.zero_grad()
        (F.softplus(-D(real)).mean() + F.softplus(D(G(z).detach())).mean()).backward()
        opt_D.step()
        opt_G.zero_grad()
        scores = D(G(z))
        F.softplus(-scores).mean().backward()
        opt_G.step()
        events.append(method.after_generator_step(scores, z=z, real=real))
    tensors = [*G.state_dict().values(), *D.state_dict().values(), *method.ema.averages.values()]
    masks = [network.masks.flat for network in method.networks.values()]
    return str(events), [x.cpu().tolist() for x in (*tensors, *masks)]
