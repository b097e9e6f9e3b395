"""Results are functions of inputs and the thread count alone, bit for bit."""

from contextlib import contextmanager

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparsegan import engine
from sparsegan.engine.convolution import convolution
from sparsegan.engine.fused import Prologue
from sparsegan.engine.normalise import normalisation

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@contextmanager
def threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Work:
    """Random tensors for one call of the engine: `work.results()` are its results and gradients."""

    def __init__(self, kind, batch, channels, kernel, stride, size, density, dense, seed):
        self.kind, self.stride, self.upsample = kind, stride, bool(seed % 2)
        generator = torch.Generator().manual_seed(seed)

        def random(*shape):
            return torch.randn(shape, generator=generator)

        inner, outer = channels
        self.mask = torch.rand(outer, inner, *kernel, generator=generator) < density
        self.index = engine.SparseIndex(self.mask, dense_gradient=dense)
        self.x, self.weight, self.bias = (
            tensor.requires_grad_()
            for tensor in (random(batch, inner, *size), random(*self.mask.shape), random(outer))
        )
        self.gain, self.shift = (random(inner).requires_grad_() for _ in range(2))
        self.random = random
        self.upstream = None

    def results(self):
        y, leaves = getattr(self, self.kind)()
        if self.upstream is None:
            self.upstream = self.random(*y.shape)
        return [y.detach(), *torch.autograd.grad(y, leaves, self.upstream)]

    def convolution(self):
        leaves = (self.x, self.weight, self.bias)
        padding = [k // 2 for k in self.mask.shape[2:]]
        return engine.sparse_conv2d(
            *leaves[:2], self.index, self.bias, self.stride, padding
        ), leaves

    def transposed(self):
        x = self.x[:, :1].expand(-1, len(self.mask), -1, -1)
        y = engine.sparse_conv_transpose2d(x, self.weight, self.index, None, self.stride)
        return y, (self.x, self.weight)

    def linear(self):
        rows = self.x[:, :, 0, 0]
        index = engine.SparseIndex(self.mask[:, :, 0, 0])
        leaves = (self.x, self.weight, self.bias)
        return engine.sparse_linear(rows, self.weight[:, :, 0, 0], index, self.bias), leaves

    def norm(self):
        leaves = (self.x, self.gain, self.shift)
        y = engine.batch_norm(
            self.x, weight=self.gain, bias=self.shift, training=True, negative_slope=0.1
        )
        return y, leaves

    def fused(self):
        statistics = normalisation(self.x, None, None, self.gain, self.shift, True)
        padding = [k // 2 + 1 for k in self.mask.shape[2:]]
        prologue = Prologue(self.x, statistics, True, 0.0, self.upsample)
        layer = (self.weight, self.index, self.bias, self.stride, padding)
        y = convolution(prologue, *layer).compute()
        return y, (self.x, self.gain, self.shift, self.weight, self.bias)

    def resampling(self):
        return engine.average_pool2(engine.upsample2(self.x)), (self.x,)


KINDS = ("convolution", "transposed", "linear", "norm", "fused", "resampling")


@st.composite
def works(draw):
    pair = st.tuples(*[st.integers(1, 24)] * 2)
    return Work(
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from([1, 3, 8, 17, 64])),
        draw(pair),
        (draw(st.sampled_from([1, 3, 4])), draw(st.sampled_from([1, 3, 5]))),
        draw(st.integers(1, 2)),
        (draw(st.integers(1, 12)), draw(st.integers(1, 12))),
        draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        draw(st.booleans()),
        draw(st.integers(0, 2**31)),
    )


LARGE = Work("convolution", 16, (64, 64), (3, 3), 1, (8, 8), 0.6, False, 1)
SMALL = Work("fused", 3, (5, 7), (3, 3), 1, (4, 6), 0.5, True, 2)


@settings(max_examples=40)
@given(works(), works(), st.integers(1, 2))
@example(LARGE, SMALL, 2)
@example(SMALL, LARGE, 2)
def test_results_do_not_depend_on_what_ran_before(work, other, number):
    with threads(number):
        first = work.results()
        other.results()
        # Memory that the next results are computed in.
        waste = [torch.full((n,), float("nan")) for n in (100, 10_000, 1_000_000)]
        del waste
        second = work.results()
    for one, two in zip(first, second, strict=True):
        assert torch.equal(one.view(torch.int32), two.view(torch.int32))
        assert torch.isfinite(one).all()
