import itertools
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparsegan import engine
from sparsegan.engine.convolution import convolution, transposed_convolution
from sparsegan.engine.fused import Prologue
from sparsegan.engine.normalise import normalisation

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

KINDS = ("none", "batch", "running", "conditional")
NAMES = ("x", "gamma", "beta", "weight", "bias", "residual")


def problem(kind, batch, channels, size, dtype=torch.float32):
    """An input and the gains, biases, mean and variance of its normalisation."""
    x = torch.randn(batch, channels, *size, dtype=dtype) * 2 + 1
    shape = (batch, channels) if kind == "conditional" else (channels,)
    gamma, beta = torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype)
    tensors = [t.requires_grad_() for t in (x, gamma, beta)]
    return tensors, torch.randn(channels, dtype=dtype), torch.rand(channels, dtype=dtype) + 0.5


class Case:
    """A convolution with what surrounds it, as the engine and as PyTorch compute it."""

    def __init__(self, kind, slope, upsample, geometry, pool=False, shortcut="none", extra=None):
        self.kind, self.slope, self.upsample = kind, slope, upsample
        self.stride, self.padding = geometry
        self.pool, self.shortcut = pool, shortcut
        self.extra = extra  # the output padding of a transposed convolution

    def ours(self, index, statistics, x, gamma, beta, weight, bias=None, residual=None):
        normalised = None
        if self.kind != "none":
            running = [t.to(x.dtype) for t in statistics]
            normalised = normalisation(x, *running, gamma, beta, self.kind != "running")
        from_batch = self.kind in ("batch", "conditional")
        prologue = Prologue(x, normalised, from_batch, self.slope, self.upsample)
        layer = (prologue, weight, index, bias, self.stride, self.padding)
        transposed = self.extra is not None
        made = transposed_convolution(*layer, self.extra) if transposed else convolution(*layer)
        return replace(
            made,
            pool=self.pool,
            residual=residual,
            residual_upsampled=self.shortcut == "upsampled",
        )

    def theirs(self, statistics, x, gamma, beta, weight, bias=None, residual=None):
        if self.kind != "none":
            mean, variance = (t.to(x.dtype) for t in statistics)
            if self.kind != "running":
                mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            y = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
            x = y * gamma[..., None, None] + beta[..., None, None]
        # Not F.leaky_relu of float64: the kernels' activation, at every slope in [0, 1].
        x = torch.where(x > 0, x, x * self.slope)
        x = F.interpolate(x, scale_factor=2) if self.upsample else x
        layer = (x, weight, bias, self.stride, self.padding)
        transposed = self.extra is not None
        y = F.conv_transpose2d(*layer, self.extra) if transposed else F.conv2d(*layer)
        y = F.avg_pool2d(y, 2) if self.pool else y
        if residual is None:
            return y
        upsampled = self.shortcut == "upsampled"
        return y + (F.interpolate(residual, scale_factor=2) if upsampled else residual)

    def fit(self, size, window):
        """Leaves out what the sizes do not allow; gives the result's."""
        size = [s * (2 if self.upsample else 1) for s in size]
        rows = list(zip(size, self.padding, window, strict=True))
        if self.extra is None:
            out = [(s + 2 * p - k) // self.stride + 1 for s, p, k in rows]
        else:
            out = [(s - 1) * self.stride - 2 * p + k + self.extra for s, p, k in rows]
        self.pool = self.pool and not any(s % 2 for s in out)
        out = [s // 2 for s in out] if self.pool else out
        if self.shortcut == "upsampled" and any(s % 2 for s in out):
            self.shortcut = "plain"
        return out

    def random_residual(self, batch, channels, out, dtype=torch.float32):
        if self.shortcut == "none":
            return None
        out = [s // 2 for s in out] if self.shortcut == "upsampled" else out
        return torch.randn(batch, channels, *out, dtype=dtype, requires_grad=True)


@st.composite
def geometries(draw):
    """Size before upsampling, kernel, padding, stride; rows that fill vectors among them."""
    sizes, kernels = st.sampled_from([2, 4, 5, 8, 16]), st.sampled_from([1, 3, 3, 5])
    window = draw(st.tuples(kernels, kernels))
    same = st.just(tuple(k // 2 for k in window))
    some = st.tuples(st.integers(2, 3), st.integers(2, 3))
    stride = draw(st.sampled_from([1, 1, 2]))
    return draw(st.tuples(sizes, sizes)), window, draw(st.one_of(same, some)), stride


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from([1, 2, 3, 8, 13, 16, 21]),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.booleans(),
    geometries(),
    st.booleans(),
    st.sampled_from(["none", "plain", "upsampled"]),
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    st.integers(0, 1000),
)
@example("none", 1, 1.0, True, ((4, 8), (3, 1), (1, 0), 1), False, "none", 1.0, 0)
@example("conditional", 1, 0.0, False, ((2, 2), (1, 1), (0, 0), 1), True, "plain", 0.5, 0)
@example("batch", 2, 0.0, True, ((4, 2), (3, 3), (0, 3), 1), True, "upsampled", 1.0, 0)
def test_agrees_with_float64(kind, batch, slope, upsample, geometry, pool, shortcut, density, seed):
    torch.manual_seed(seed)
    size, window, padding, stride = geometry
    case = Case(kind, slope, upsample, (stride, padding), pool, shortcut)
    out = case.fit(size, window)
    tensors, *statistics = problem(kind, batch, 7, size)
    mask = torch.rand(9, 7, *window) < density
    tensors += [(torch.randn(mask.shape) * mask).requires_grad_()]
    tensors += [torch.randn(9, requires_grad=True), case.random_residual(batch, 9, out)]
    got, (mean, variance) = case.ours(
        engine.SparseIndex(mask), statistics, *tensors
    ).compute_with_moments()
    wide = [None if t is None else t.detach().double().requires_grad_() for t in tensors]
    want = case.theirs(statistics, *wide)
    assert got.is_contiguous()
    scale = want.detach().norm() + 1
    assert (got - want).norm() < 1e-5 * scale
    assert (mean - want.mean((0, 2, 3))).norm() < 1e-5 * scale
    assert (variance - want.var((0, 2, 3), correction=0)).norm() < 1e-5 * (1 + scale**2)
    g = torch.randn_like(got)
    ours, theirs = (
        torch.autograd.grad(
            y, [t for t in inputs if t is not None], g.to(y.dtype), allow_unused=True
        )
        for y, inputs in ((got, tensors), (want, wide))
    )
    largest = max(float(b.norm()) for b in theirs if b is not None)
    for name, a, b in zip(NAMES[: len(ours)], ours, theirs, strict=True):
        if b is None:
            assert a is None
            continue
        b = b * mask if name == "weight" else b
        assert (a - b).norm() < 2e-5 * b.norm() + 2e-5 * largest, name


GEOMETRIES = {
    "same": ((5, 4), (3, 3), (1, (1, 1))),
    "no padding": ((5, 4), (3, 3), (1, (0, 0))),
    "much padding": ((5, 4), (3, 3), (1, (2, 2))),
    "padded rows": ((5, 4), (3, 3), (1, (2, 0))),
    "strided": ((6, 4), (4, 4), (2, (1, 1))),
    "a point": ((3, 4), (1, 1), (1, (0, 0))),
    "strided points": ((6, 4), (1, 1), (2, (0, 0))),
}


def random_leaves(case, mask, size):
    """In float64: all that the result may depend on, by `NAMES`, and mean and variance."""
    channels, outputs = mask.shape[:2][:: 1 if case.extra is not None else -1]
    out = case.fit(size, mask.shape[2:])
    tensors, *statistics = problem(case.kind, 3, channels, size, torch.float64)
    weight, bias = torch.randn(mask.shape).double() * mask, torch.randn(outputs).double()
    residual = case.random_residual(3, outputs, out, torch.float64)
    return [*tensors, weight, bias, residual], statistics


def trainable(case, leaves):
    """The names of those that the result depends on."""
    unused = {"gamma", "beta"} if case.kind == "none" else set()
    return {n for n, t in zip(NAMES, leaves, strict=True) if t is not None} - unused


def assert_same_gradients(case, index, statistics, leaves, trained, again=False):
    """In float64, where some of the tensors are trained and the others frozen.

    With `again` they are computed so that they have derivatives themselves.
    """
    tensors = [
        None if t is None else t.detach().clone().requires_grad_(name in trained)
        for name, t in zip(NAMES, leaves, strict=True)
    ]
    names = [name for name in NAMES if name in trained]
    wanted = [t for name, t in zip(NAMES, tensors, strict=True) if name in trained]
    got, want = case.ours(index, statistics, *tensors).compute(), case.theirs(statistics, *tensors)
    assert (got - want).norm() <= 1e-12 * want.norm()
    g = torch.randn_like(want)
    ours, theirs = (torch.autograd.grad(y, wanted, g, create_graph=again) for y in (got, want))
    for name, a, b in zip(names, ours, theirs, strict=True):
        b = b * index.mask if name == "weight" and not index.dense_gradient else b
        assert (a - b).norm() <= 1e-11 * (1 + b.norm()), (name, trained)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_all_gradients_are_those_of_the_masked_layer_in_float64(geometry, kind):
    torch.manual_seed(5)
    size, window, steps = GEOMETRIES[geometry]
    ways = ((False, True), (False, True), (False, True), ("none", "plain", "upsampled"))
    for dense, upsample, pool, shortcut in itertools.product(*ways):
        mask = torch.rand(4, 3, *window) < 0.6
        index = engine.SparseIndex(mask, dense_gradient=dense)
        case = Case(kind, 0.2, upsample, steps, pool, shortcut)
        leaves, statistics = random_leaves(case, mask, size)
        assert_same_gradients(case, index, statistics, leaves, trainable(case, leaves))


TRANSPOSED = {
    "upsampling": ((3, 4), (4, 4), (2, (1, 1)), 0),
    "same": ((5, 4), (3, 3), (1, (1, 1)), 0),
    "no padding": ((3, 4), (3, 3), (1, (0, 0)), 0),
    "a point": ((3, 4), (1, 1), (1, (0, 0)), 0),
    "output padding": ((3, 2), (3, 3), (2, (1, 1)), 1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("geometry", TRANSPOSED)
def test_all_gradients_are_those_of_the_masked_transposed_layer_in_float64(geometry, kind):
    torch.manual_seed(5)
    size, window, steps, extra = TRANSPOSED[geometry]
    for dense, shortcut in itertools.product((False, True), ("none", "plain", "upsampled")):
        mask = torch.rand(3, 4, *window) < 0.6
        index = engine.SparseIndex(mask, transposed=True, dense_gradient=dense)
        case = Case(kind, 0.2, False, steps, False, shortcut, extra)
        leaves, statistics = random_leaves(case, mask, size)
        assert_same_gradients(case, index, statistics, leaves, trainable(case, leaves))


def subsets(names):
    for choice in itertools.product([False, True], repeat=len(names)):
        yield set(itertools.compress(names, choice))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("upsample", "pool", "extra"),
    [(False, False, None), (True, False, None), (True, True, None), (False, False, 0)],
)
def test_whatever_is_frozen_the_rest_has_its_gradients(upsample, pool, extra, kind):
    torch.manual_seed(6)
    case = Case(kind, 0.0, upsample, (1, (1, 1)), pool, "plain", extra)
    mask = torch.rand(4, 4, 3, 3) < 0.6
    index = engine.SparseIndex(mask, transposed=extra is not None)
    leaves, statistics = random_leaves(case, mask, (4, 6))
    for trained in subsets(sorted(trainable(case, leaves))):
        if trained and ("bias" not in trained or "weight" in trained):
            assert_same_gradients(case, index, statistics, leaves, trained)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("upsample", "pool", "extra"),
    [(False, False, None), (True, False, None), (True, True, None), (False, False, 0)],
)
def test_a_bias_beside_a_frozen_weight_has_its_gradient(upsample, pool, extra, kind, again):
    torch.manual_seed(6)
    case = Case(kind, 0.0, upsample, (1, (1, 1)), pool, "plain", extra)
    mask = torch.rand(4, 4, 3, 3) < 0.6
    index = engine.SparseIndex(mask, transposed=extra is not None)
    leaves, statistics = random_leaves(case, mask, (4, 6))
    for trained in subsets(sorted(trainable(case, leaves) - {"bias", "weight"})):
        assert_same_gradients(case, index, statistics, leaves, trained | {"bias"}, again)


@pytest.mark.parametrize(("kind", "upsample"), list(itertools.product(KINDS, [False, True])))
@pytest.mark.parametrize(("pool", "shortcut"), [(False, "none"), (True, "upsampled")])
def test_gradcheck_on_the_double_kernel(kind, upsample, pool, shortcut):
    torch.manual_seed(3)
    tensors, *statistics = problem(kind, 3, 2, (4, 4), torch.float64)
    mask = torch.rand(3, 2, 3, 3) < 0.5
    weight = (torch.randn(mask.shape, dtype=torch.float64) * mask).requires_grad_()
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    index = engine.SparseIndex(mask)
    case = Case(kind, 0.2, upsample, (1, (1, 1)), pool, shortcut)
    residual = case.random_residual(3, 3, case.fit((4, 4), (3, 3)), torch.float64)
    used = 1 if kind == "none" else 3
    behind = () if residual is None else (residual,)

    def run(*inputs):
        features = [*inputs[:used], *tensors[used:]]
        w, b, *rest = inputs[used:]
        return case.ours(index, statistics, *features, w * mask, b, *rest).compute()

    inputs = (*tensors[:used], weight, bias, *behind)
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def test_dense_gradients_are_given_where_they_are_wanted():
    torch.manual_seed(0)
    mask = torch.rand(5, 3, 3, 3) < 0.3
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    index = engine.SparseIndex(mask, dense_gradient=True)
    for input_too in (False, True):  # by the gradient of weights alone, and by that of all
        x = torch.randn(4, 3, 6, 6, requires_grad=input_too)
        y = convolution(Prologue(x, slope=0.0), weight, index, None, 1, 1).compute()
        (actual,) = torch.autograd.grad(y.sum(), weight)
        (wanted,) = torch.autograd.grad(F.conv2d(F.relu(x), weight, padding=1).sum(), weight)
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-4)


def test_neither_the_activated_nor_the_upsampled_nor_the_pooled_tensor_is_kept():
    x = torch.randn(8, 4, 6, 6, requires_grad=True)
    weight = torch.randn(5, 4, 3, 3, requires_grad=True)
    residual = torch.randn(8, 5, 6, 6, requires_grad=True)
    index = engine.SparseIndex(torch.ones(5, 4, 3, 3, dtype=torch.bool))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        statistics = normalisation(x, training=True)
        layer = convolution(Prologue(x, statistics, True, 0.0, True), weight, index, None, 1, 1)
        replace(layer, pool=True, residual=residual).compute()
    large = {t.untyped_storage().data_ptr() for t in kept if t.is_floating_point() and t.dim() == 4}
    assert large == {x.untyped_storage().data_ptr(), weight.untyped_storage().data_ptr()}


def test_a_deferred_convolution_knows_its_shape_and_its_gradients():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 6, 8), torch.randn(4, 3, 3, 3, requires_grad=True)
    bias, residual = torch.randn(4, requires_grad=True), torch.randn(2, 4, 3, 4)
    index = engine.SparseIndex(torch.ones(weight.shape, dtype=torch.bool))
    layer = convolution(Prologue(x, slope=0.1), weight, index, bias, 1, 1)
    assert tuple(layer.shape) == tuple(layer.convolved) == (2, 4, 6, 8)
    layer = replace(layer, pool=True, residual=residual)
    assert tuple(layer.shape) == (2, 4, 3, 4)
    assert [id(t) for t in layer.tensors] == [id(t) for t in (x, weight, bias, residual)]
    y = layer.compute()
    g = torch.randn_like(y)
    of_x, *of_layer, of_residual = layer.gradient(g)
    assert (of_x, of_residual) == (None, None)
    for a, b in zip(of_layer, torch.autograd.grad(y, (weight, bias), g), strict=True):
        torch.testing.assert_close(a, b)
    doubled = layer.with_tensors([2 * t for t in layer.tensors])
    assert torch.equal(doubled.prologue.x, 2 * x)
    assert torch.equal(doubled.residual, 2 * residual)
