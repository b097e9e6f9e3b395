import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparsegan import engine
from sparsegan.engine.fused import Prologue, can_fuse, convolve_prologue
from sparsegan.engine.normalise import normalisation

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

KINDS = ("none", "batch", "running", "conditional")


def problem(kind, batch, channels, size, dtype=torch.float32):
    """An input and the gains, biases, mean and variance of its normalisation."""
    x = engine.to_batch_inner(torch.randn(batch, channels, *size, dtype=dtype) * 2 + 1)
    shape = (batch, channels) if kind == "conditional" else (channels,)
    gamma, beta = torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype)
    tensors = [t.requires_grad_() for t in (x, gamma, beta)]
    return tensors, torch.randn(channels, dtype=dtype), torch.rand(channels, dtype=dtype) + 0.5


def fused(kind, tensors, mean, variance, slope, upsample, weight, index, bias, padding, stride=1):
    x, gamma, beta = tensors
    statistics = None
    if kind != "none":
        training = kind != "running"
        running = (mean.clone(), variance.clone())
        statistics = normalisation(x, *running, gamma, beta, training)
    prologue = Prologue(x, statistics, kind in ("batch", "conditional"), slope, upsample)
    assert can_fuse(prologue, weight)
    return convolve_prologue(prologue, weight, index, bias, stride, padding)


def reference(kind, tensors, mean, variance, slope, upsample, weight, bias, padding, stride=1):
    x, gamma, beta = tensors
    if kind != "none":
        if kind != "running":
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        y = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        x = y * gamma[..., None, None] + beta[..., None, None]
    # Not F.leaky_relu of float64: the kernels' activation, at every slope in [0, 1].
    x = torch.where(x > 0, x, x * slope)
    x = F.interpolate(x, scale_factor=2) if upsample else x
    return F.conv2d(x, weight, bias, stride, padding)


@st.composite
def geometries(draw):
    """Size before upsampling, kernel, padding, stride; rows that fill vectors among them."""
    sizes, kernels = st.sampled_from([2, 4, 5, 8, 16]), st.sampled_from([1, 3, 3, 5])
    window = draw(st.tuples(kernels, kernels))
    same = st.just(tuple(k // 2 for k in window))
    some = st.tuples(st.integers(2, 3), st.integers(2, 3))
    stride = draw(st.sampled_from([1, 1, 2]))
    return draw(st.tuples(sizes, sizes)), window, draw(st.one_of(same, some)), stride


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from([1, 2, 3, 8, 13, 16, 21]),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.booleans(),
    geometries(),
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    st.integers(0, 1000),
)
@example("none", 1, 1.0, True, ((4, 8), (3, 1), (1, 0), 1), 1.0, 0)
@example("conditional", 1, 0.0, False, ((2, 2), (1, 1), (0, 0), 1), 0.5, 0)
@example("batch", 2, 0.0, True, ((4, 2), (3, 3), (0, 3), 1), 1.0, 0)
def test_agrees_with_float64(kind, batch, slope, upsample, geometry, density, seed):
    torch.manual_seed(seed)
    size, window, padding, stride = geometry
    if window == (1, 1) and (upsample or kind == "conditional"):
        window, padding = (1, 3), (0, 1)
    tensors, mean, variance = problem(kind, batch, 7, size)
    mask = torch.rand(9, 7, *window) < density
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    bias = torch.randn(9, requires_grad=True)
    index = engine.SparseIndex(mask)
    got = fused(
        kind, tensors, mean, variance, slope, upsample, weight, index, bias, padding, stride
    )
    wide = [t.detach().double().requires_grad_() for t in (*tensors, weight, bias)]
    statistics = (mean.double(), variance.double())
    want = reference(kind, wide[:3], *statistics, slope, upsample, *wide[3:], padding, stride)
    assert engine.is_batch_inner(got)
    scale = want.detach().norm() + 1
    assert (got - want).norm() < 1e-5 * scale
    g = torch.randn_like(got)
    ours = torch.autograd.grad(got, (*tensors, weight, bias), g, allow_unused=True)
    theirs = torch.autograd.grad(want, wide, g.double(), allow_unused=True)
    largest = max(float(b.norm()) for b in theirs if b is not None)
    for name, a, b in zip(["x", "gamma", "beta", "weight", "bias"], ours, theirs, strict=True):
        if b is None:
            assert a is None
            continue
        b = b * mask if name == "weight" else b
        assert (a - b).norm() < 2e-5 * b.norm() + 2e-5 * largest


@pytest.mark.parametrize(("kind", "upsample"), list(itertools.product(KINDS, [False, True])))
def test_gradcheck_on_the_double_kernel(kind, upsample):
    torch.manual_seed(3)
    tensors, mean, variance = problem(kind, 3, 2, (3, 2), torch.float64)
    mask = torch.rand(3, 2, 3, 3) < 0.5
    weight = (torch.randn(mask.shape, dtype=torch.float64) * mask).requires_grad_()
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    index = engine.SparseIndex(mask)
    used = 1 if kind == "none" else 3

    def run(*inputs):
        *features, w, b = inputs
        features = [*features, *tensors[used:]]
        return fused(kind, features, mean, variance, 0.2, upsample, w * mask, index, b, 1)

    inputs = (*tensors[:used], weight, bias)
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def test_dense_gradients_are_given_where_they_are_wanted():
    torch.manual_seed(0)
    x = engine.to_batch_inner(torch.randn(4, 3, 6, 6))
    mask = torch.rand(5, 3, 3, 3) < 0.3
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    index = engine.SparseIndex(mask, dense_gradient=True)
    convolve_prologue(Prologue(x, slope=0.0), weight, index, None, 1, 1).sum().backward()
    wanted = torch.autograd.grad(F.conv2d(F.relu(x), weight, padding=1).sum(), weight)[0]
    torch.testing.assert_close(weight.grad, wanted, rtol=1e-4, atol=1e-4)


def test_neither_the_activated_nor_the_upsampled_tensor_is_kept():
    x = engine.to_batch_inner(torch.randn(8, 4, 6, 6)).requires_grad_()
    weight = torch.randn(5, 4, 3, 3, requires_grad=True)
    index = engine.SparseIndex(torch.ones(5, 4, 3, 3, dtype=torch.bool))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        statistics = normalisation(x, training=True)
        convolve_prologue(Prologue(x, statistics, True, 0.0, True), weight, index, None, 1, 1)
    large = {t.untyped_storage().data_ptr() for t in kept if t.is_floating_point() and t.dim() == 4}
    assert large == {x.untyped_storage().data_ptr(), weight.untyped_storage().data_ptr()}


def test_opcheck():
    tensors, mean, variance = problem("batch", 8, 3, (4, 4))
    x, gamma, beta = tensors
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    index = engine.SparseIndex(torch.ones(weight.shape, dtype=torch.bool))
    plans = [index.plan(8, (1, 1), (1, 1), x.dtype, adjoint=adjoint) for adjoint in (False, True)]
    statistics = (gamma, beta, mean, variance)
    ops = torch.ops.sparsegan
    geometry = (*plans, plans[0], (1, 1), (1, 1), False)
    options = (True, 0.1, True)
    torch.library.opcheck(
        ops.convolve_prologue, (x, weight, None, *statistics, *options, *geometry)
    )
    plain = [t.detach() for t in (x, torch.randn(8, 4, 8, 8), *statistics)]
    torch.library.opcheck(ops.prologue_weight, (*plain, 0.1, True, plans[0], list(weight.shape)))
