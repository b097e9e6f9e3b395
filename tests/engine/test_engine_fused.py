import pytest
import torch
import torch.nn.functional as F

from sparsegan import engine
from sparsegan.engine.fused import Prologue, prologue_gradient
from sparsegan.engine.normalise import normalisation

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def statistics_of(x, per_sample, training):
    shape = x.shape[:2] if per_sample else x.shape[1:2]
    gamma, beta = (torch.randn(shape, dtype=x.dtype, requires_grad=True) for _ in range(2))
    running = (torch.randn(x.shape[1], dtype=x.dtype), torch.rand(x.shape[1], dtype=x.dtype) + 0.5)
    return normalisation(x, *running, gamma, beta, training), (gamma, beta)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize("kind", ["none", "running", "batch", "per sample"])
def test_its_result_and_gradients_are_those_of_the_functions_in_turn(kind, upsample, slope):
    torch.manual_seed(0)
    x = torch.randn(3, 4, 2, 5, dtype=torch.float64, requires_grad=True)
    statistics, leaves, y = None, (), x
    if kind != "none":
        training = kind != "running"
        statistics, leaves = statistics_of(x, kind == "per sample", training)
        gamma, beta, mean, inverse = (t[..., None, None] for t in statistics)
        if training:
            mean = x.mean((0, 2, 3), keepdim=True)
            inverse = (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).rsqrt()
        y = (x - mean) * inverse * gamma + beta
    y = torch.where(y > 0, y, slope * y)
    wanted = F.interpolate(y, scale_factor=2) if upsample else y
    prologue = Prologue(x, statistics, kind in ("batch", "per sample"), slope, upsample)
    assert prologue.shape == wanted.shape
    assert prologue.per_sample == (kind == "per sample")
    actual = prologue.compute()
    torch.testing.assert_close(actual, wanted)
    g = torch.randn_like(wanted)
    right = torch.autograd.grad(wanted, (x, *leaves), g)
    by_graph = torch.autograd.grad(actual, (x, *leaves), g)
    at_hand = [t for t in prologue_gradient(prologue, g) if t is not None]
    for gradients in (by_graph, at_hand):
        for a, b in zip(gradients, right, strict=True):
            torch.testing.assert_close(a, b)
    assert len(prologue.gradient(g)) == len(prologue.tensors)


def test_the_same_prologue_of_other_tensors():
    x = torch.randn(2, 3, 4, 4)
    statistics, _ = statistics_of(x, False, False)
    prologue = Prologue(x, statistics, slope=0.1, upsample=True)
    other = prologue.with_tensors([t + 1 for t in prologue.tensors])
    assert torch.equal(other.x, x + 1)
    assert all(torch.equal(a, b + 1) for a, b in zip(other.statistics, statistics, strict=True))
    assert (other.slope, other.upsample) == (0.1, True)
    assert Prologue(x).with_tensors([x]).statistics is None
