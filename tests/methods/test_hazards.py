"""What the published codes get wrong, numbered as in docs/methods.md, section C; not so here.

Each test is named for its hazard and fails where the hazard's behaviour is present.
"""

import copy
import math
import os
import random

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn, optim

from sparsegan import (
    METHODS,
    Adapt,
    BalanceRatio,
    BalanceRecord,
    Dda,
    DensityController,
    Masks,
    Sdst,
    SparseEMA,
    SparseNetwork,
    StuGan,
)
from sparsegan.balance import BalanceReading
from sparsegan.sparsity import grow
from toy_gan import LATENT, SPREAD, ToyGan, discriminator, generator, hand_made

SHORT = {"balance_every": 1, "balance_window": 2}
INTERVALS = {"interval", "control_interval", "ramp_interval"}


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _sparse(module, density, **settings):
    optimizer = optim.Adam(module.parameters(), lr=0.01, betas=(0.0, 0.999))
    return SparseNetwork(module, optimizer, Masks(module, density, generator=_rng()), **settings)


@pytest.mark.parametrize("gradients", ["none", "few", "equal"])
def test_hazard_7_growth_by_threshold_activates_everything(gradients):
    """Fewer non-zero gradients than weights to grow, none to grow, ties: the count is exact."""
    network = _sparse(nn.Linear(30, 30), 0.2)
    network.growth_gradient_due = lambda: True
    grad = torch.full((30, 30), 1.0 if gradients == "equal" else 0.0)
    if gradients == "few":
        grad.view(-1)[:40] = torch.arange(40.0)
    network.module.weight.grad = grad
    network.optimizer.step()
    active = network.masks.active
    assert network.resize(active + 100, growth="gradient").active == active + 100
    assert network.resize(active + 100, growth="gradient").grown == 0  # k = 0 does not crash
    change = network.rewire(0.5, growth="gradient", scope="network", rounding="floor")
    assert change.active == active + 100
    nothing = torch.zeros(5, dtype=torch.bool)
    assert int(grow(nothing, torch.zeros(5), 0).sum()) == 0


@pytest.mark.parametrize("total", [1_052_544, 19_536_768, 1000, 1001])
@pytest.mark.parametrize("start", [0.1, 0.2, 0.3])
def test_hazard_8_the_density_ladder_stops_a_weight_short_of_the_cap(start, total):
    """Sums of 0.05 give 0.49999999999999994; whole weights give the cap, then exploration."""
    controller = DensityController(cap=0.5, at_cap="rewire")
    weak = BalanceReading(value=0.9, records=100, valid=100, nonfinite=0, full=True)
    cap, active, decisions = math.floor(0.5 * total + 0.5), math.floor(start * total + 0.5), 0
    while (decision := controller.decide(weak, active, total)).action == "raise":
        active, decisions = decision.to_active, decisions + 1
    assert decision.action == "rewire"
    assert decision.to_active == cap
    assert decisions == round((0.5 - start) / 0.05)


def test_hazard_8_in_a_method():
    gan = ToyGan()
    method = Adapt(
        *gan.parts, steps=100, variant="strict", generator_density=0.1, control_interval=2, **SHORT
    )
    actions = [e.decision.action for e in gan.run(method, 20, ratio=0.9) if e.decision]
    masks = method.discriminator.masks
    assert masks.active == math.floor(0.5 * masks.total + 0.5)
    assert actions[-1] == "rewire"
    assert sorted(actions) == actions  # "raise" until the cap is met exactly, then "rewire" alone


@pytest.mark.parametrize(
    "outlier", [(1.0, 1.0, 0.5), (1.0, 1.0 - 1e-12, 0.5), (0.0, 1.0, 0.0), (math.nan, 0.0, 0.5)]
)
@pytest.mark.parametrize("mean_of_ratios", [False, True])
def test_hazard_9_one_small_gap_dominates_the_ratio(outlier, mean_of_ratios):
    meter = BalanceRatio(100, mean_of_ratios=mean_of_ratios)
    for _ in range(99):
        meter.record(BalanceRecord(1.0, 0.0, 0.5))
    meter.record(BalanceRecord(*outlier))
    assert meter.reading().value == pytest.approx(0.5)
    decision = DensityController().decide(meter.reading(), 100, 1000)
    assert decision.reason == "ratio in the band"


@pytest.mark.parametrize(
    ("record", "action"), [((math.nan, 0.0, 0.5), "hold"), ((0.0, 1.0, 1.5), "raise")]
)
def test_hazard_9_a_ratio_that_is_no_number_freezes_the_controller(record, action):
    """A NaN compares false to both edges: here it is named and counted, or D is made denser."""
    meter = BalanceRatio(100)
    for _ in range(100):
        meter.record(BalanceRecord(*record))
    decision = DensityController().decide(meter.reading(), 100, 1000)
    assert decision.action == action
    assert "not finite" in decision.reason or "does not separate" in decision.reason
    assert decision.reading.nonfinite + decision.reading.invalid == 100


def test_hazard_10_adam_state_is_neither_masked_nor_reset():
    network = _sparse(nn.Linear(20, 20, bias=False), 0.3)
    weight, masks = network.module.weight, network.masks
    for step in range(4):
        weight.grad = torch.randn(20, 20, generator=_rng(step)) + 1
        network.optimizer.step()
    state = network.optimizer.state[weight]
    before = masks["weight"]
    for name in ("exp_avg", "exp_avg_sq"):
        assert not state[name][~before].any()
        assert state[name][before].all()
    network.rewire(0.5, growth="random", scope="network", rounding="floor", generator=_rng())
    after = masks["weight"]
    grown, kept = after & ~before, after & before
    assert int(grown.sum()) > 0
    assert not state["exp_avg"][~kept].any()
    assert not state["exp_avg_sq"][~after].any()
    mean = float(state["exp_avg_sq"][kept].mean())
    assert state["exp_avg_sq"][grown].tolist() == pytest.approx([mean] * int(grown.sum()))


def _random_states():
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


@pytest.mark.parametrize("name", METHODS)
def test_hazard_12_global_random_state_is_reseeded(name):
    gan = ToyGan()
    before = _random_states()
    known = METHODS[name].Settings.__dataclass_fields__.keys()
    short = dict.fromkeys(INTERVALS, 2) | {"rounds": 1}
    short = {key: value for key, value in short.items() if key in known}
    method = METHODS[name](*gan.parts, steps=9, **SHORT, **short)
    gan.run(method, 5)
    gan.run(method, 4, ratio=0.9)
    assert _random_states() == before


def _draw_masks(rank, folder):
    """A rank of its own: its global seed and its data differ, its weights and masks must not."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    gan = ToyGan()
    torch.manual_seed(1000 + rank)
    method = Adapt(
        *gan.parts, steps=50, generator_density=0.3, interval=3, control_interval=2, **SHORT
    )
    for _ in range(6):
        for network, optimizer in ((gan.D, gan.opt_D), (gan.G, gan.opt_G)):
            for parameter in network.parameters():
                parameter.grad = torch.randn(parameter.shape)  # of this rank's own data ...
                dist.all_reduce(parameter.grad)  # ... averaged as data parallelism does
            optimizer.step()
        # The ranks' own ratios are 0.2 and 1.8; together they say 1.0: raise.
        ratio = 0.2 if rank == 0 else 1.8
        event = method.after_generator_step(SPREAD, **hand_made(ratio))
        assert event.balance.ratio == pytest.approx(1.0)
        assert event.decision is None or event.decision.action == "raise"
    masks = [method.generator.masks.flat, method.discriminator.masks.flat]
    drawn = torch.rand(1)
    torch.save([*masks, torch.tensor(_steps_wanted(rank)), drawn], f"{folder}/{rank}.pt")
    dist.barrier()  # or one rank's last exchange could fail by the other's end
    dist.destroy_process_group()
    os._exit(0)  # past the interpreter's own end, in which a thread of the backend may abort


def _steps_wanted(rank):
    """What a lever asks this rank for: two thirds of all real scores are positive, raising D's."""
    gan = ToyGan()
    method = Dda(
        *gan.parts, steps=50, lever="steps", signal="sign", generator_density=0.3,
        control_interval=2, **SHORT,
    )  # fmt: skip
    asked = []
    for _ in range(6):
        gan.generator_step()
        for group in gan.opt_D.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        gan.opt_D.step()
        real = torch.ones(2) if rank == 0 else torch.tensor([1.0, -1.0, 1.0, -1.0])
        event = method.after_generator_step(
            SPREAD, rescore=lambda: torch.zeros(4), real_scores=lambda real=real: real
        )
        assert event.balance.real_positive == pytest.approx(2 / 3)
        asked.append(event.requests.discriminator_steps or 0)
    return asked


def test_hazard_13_ranks_draw_different_masks(tmp_path):
    mp.spawn(_draw_masks, args=(tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert first[2].tolist() == second[2].tolist() == [0, 2, 2, 3, 3, 4]
    assert not torch.equal(first[3], second[3])  # the global generators did differ


class _Gated(nn.Module):
    """Self-attention with a scalar gate of initial value 0, as in BigGAN."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = self.inner(x)
        return x + self.gate * x.flip(0)


@pytest.mark.parametrize("name", METHODS)
def test_hazard_14_a_scalar_gate_is_dropped(name):
    gan = ToyGan()
    gan.G, gan.D = _Gated(generator()), _Gated(discriminator())
    gan.opt_G, gan.opt_D = (optim.Adam(net.parameters(), lr=0.01) for net in (gan.G, gan.D))
    known = METHODS[name].Settings.__dataclass_fields__.keys()
    short = dict.fromkeys(INTERVALS, 2) | {"rounds": 1}
    short = {key: value for key, value in short.items() if key in known}
    method = METHODS[name](*gan.parts, steps=20, **SHORT, **short)
    gan.run(method, 7)
    for network in (method.generator, method.discriminator):
        assert all(layer.parameter.numel() > 1 for layer in network.masks.layers)
        assert not any("gate" in layer_name for layer_name in network.masks.names)
    assert gan.G.gate.item() != 0
    assert gan.D.gate.item() != 0


def test_hazard_18_exploring_both_explores_the_generators_only():
    gan = ToyGan()
    method = StuGan(*gan.parts, steps=20, explore="both", interval=3)
    masks = method.generator.masks, method.discriminator.masks
    for _ in range(2):
        before = [m.flat for m in masks]
        events = gan.run(method, 3)
        assert [c.network for c in events[-1].changes] == ["generator", "discriminator"]
        assert not any(torch.equal(m.flat, b) for m, b in zip(masks, before, strict=True))


def test_hazard_19_random_growth_lets_the_density_drift():
    network = _sparse(nn.Sequential(nn.Linear(30, 30), nn.Conv2d(6, 8, 3)), 0.3)
    counts = network.masks.counts()
    ever = network.masks.flat.clone()
    assert network.masks.ever_active == pytest.approx(network.masks.density)
    for step in range(25):
        change = network.rewire(
            0.4, growth="random", scope="layer", rounding="ceil", generator=_rng(step)
        )
        assert network.masks.counts() == counts
        ever |= network.masks.flat
        # The record of weights that were ever active misses no change, of whatever kind.
        assert change.ever_active == network.masks.ever_active == float(ever.double().mean())
    network.resize(network.masks.active + 90, growth="random", generator=_rng())
    ever |= network.masks.flat
    assert network.masks.ever_active == float(ever.double().mean())


def test_hazard_20_averaging_an_integer_buffer_does_nothing():
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    ema = SparseEMA(module, Masks(module, 0.5, generator=_rng()), 0.9, buffers="average")
    for step in range(1, 4):
        module(torch.randn(5, 4))
        ema.update(step)
        assert int(ema.averages["1.num_batches_tracked"]) == step
    assert ema.averages["1.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("scope", ["network", "layer"])
def test_hazard_21_equal_magnitudes_are_dropped_together(scope):
    module = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.sign() * 0.25)
    network = _sparse(module, 0.5)
    before, active = copy.deepcopy(network.masks.flat), network.masks.active
    change = network.rewire(0.1, growth="random", scope=scope, rounding="floor", generator=_rng())
    assert change.active == active
    assert 0 < int((before & ~network.masks.flat).sum()) <= active // 10
    lowered = network.resize(active - 33, growth="random", generator=_rng())
    assert (lowered.dropped, lowered.active) == (33, active - 33)


def test_hazard_21_in_a_method_whose_generator_has_equal_weights():
    gan = ToyGan()
    with torch.no_grad():
        for parameter in gan.G.parameters():
            parameter.fill_(0.1)
    gan.opt_G = optim.SGD(gan.G.parameters(), lr=1e-30)  # they stay equal
    method = Sdst(*gan.parts, steps=20, generator_density=0.4, interval=1, growth="random")
    active = method.generator.masks.active
    for event in gan.run(method, 5):
        assert event.changes[0].active == active == method.generator.masks.active
    assert gan.G(torch.zeros(2, LATENT)).isfinite().all()
