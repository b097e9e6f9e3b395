import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparsegan import engine
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def relative(got, want):
    return float((got.detach().double() - want.detach()).norm() / want.detach().norm())


def upstream(y, seed):
    return torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(y, tensors, seed):
    return torch.autograd.grad(y, tensors, upstream(y, seed).to(y.dtype))


def results(function, tensors, seed):
    """The forward result and the gradients."""
    y = function(*tensors)
    return [y, *gradients(y, tensors, seed)]


def sizes(function, doubles, seed):
    """The sums of the absolute terms behind every result: what rounding is relative to."""
    tensors = [t.detach().abs().requires_grad_() for t in doubles]
    y = function(*tensors)
    return [y, *torch.autograd.grad(y, tensors, upstream(y, seed).abs())]


def assert_agree(got, want, scale):
    """To 1e-5, and to float32's own rounding where a sum cancels."""
    error = (got.detach().double() - want).norm()
    assert error <= 1e-5 * want.norm() + 3e-7 * scale.norm()


# How an input may lie in memory; what a function makes of it is differentiable.
LAYOUTS = {
    "as it is": lambda x: x,
    "batch innermost": lambda x: x.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "a part of a larger one": lambda x: x.repeat_interleave(2, 0)[::2],
    "turned": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "one channel, repeated": lambda x: x[:, :1].expand_as(x),
}


def numbers(low, high):
    """Two numbers, usually the same."""
    one = st.integers(low, high)
    return st.one_of(one.map(lambda n: (n, n)), st.tuples(one, one))


@st.composite
def problems(draw):
    kernel, padding = draw(numbers(1, 7)), draw(numbers(0, 4))
    return {
        "batch": draw(st.sampled_from([1, 2, 7, 8, 17, 64])),
        "inputs": draw(st.integers(1, 40)),
        "outputs": draw(st.sampled_from([4, 8, 12, *range(1, 13)])),
        "kernel": kernel,
        "stride": draw(numbers(1, 3)),
        "padding": padding,
        "size": tuple(
            max(1, k - 2 * p) + draw(st.sampled_from([0, 1, 4, 6, 9, 21]))
            for k, p in zip(kernel, padding, strict=True)
        ),
        "layout": draw(st.sampled_from(list(LAYOUTS))),
        "density": draw(st.sampled_from([0.0, 0.02, 0.2, 1.0])),
        "full_row": draw(st.booleans()),
        "empty_row": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "blocks": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**31)),
    }


def make_mask(shape, p, outputs=0):
    """A random mask; in blocks, if asked for, along the dimension of the output channels."""
    mask = torch.rand(shape) < p["density"]
    if p["blocks"] and shape[outputs] % engine.BLOCK == 0:
        first = mask.unflatten(outputs, (-1, engine.BLOCK)).select(outputs + 1, 0)
        return first.repeat_interleave(engine.BLOCK, outputs)
    if p["full_row"]:
        mask[0] = True
    if p["empty_row"]:
        mask[-1] = False
        mask[:, 0] = False
    return mask


def compare(p, sparse, dense, shape, channels, transposed):
    """Forward and gradients of float32 against dense PyTorch in float64."""
    torch.manual_seed(p["seed"])
    mask = make_mask(shape, p, outputs=int(transposed))
    weight = (torch.randn(shape) * mask).requires_grad_()
    x = torch.randn(p["batch"], channels[0], *p["size"], requires_grad=True)
    tensors = [x, weight]
    if p["bias"]:
        tensors.append(torch.randn(channels[1], requires_grad=True))
    doubles = [t.detach().double().requires_grad_() for t in tensors]
    index, lay = engine.SparseIndex(mask, transposed=transposed), LAYOUTS[p["layout"]]
    got = results(lambda x, w, b=None: sparse(lay(x), w, index, b), tensors, p["seed"])
    want, scales = (
        function(lambda x, w, b=None: dense(lay(x), w, b), doubles, p["seed"])
        for function in (results, sizes)
    )
    assert got[0].is_contiguous()
    assert not got[2][~mask].any()
    want[2], scales[2] = want[2] * mask, scales[2] * mask
    for three in zip(got, want, scales, strict=True):
        assert_agree(*three)


@FEW
@given(problems())
def test_convolution_agrees_with_dense_in_float64(p):
    shape = (p["outputs"], p["inputs"], *p["kernel"])
    geometry = {"stride": p["stride"], "padding": p["padding"]}
    compare(
        p,
        lambda x, w, i, b: engine.sparse_conv2d(x, w, i, b, **geometry),
        lambda x, w, b=None: F.conv2d(x, w, b, **geometry),
        shape,
        (p["inputs"], p["outputs"]),
        transposed=False,
    )


@FEW
@given(problems(), numbers(0, 2))
def test_transposed_convolution_agrees_with_dense_in_float64(p, extra):
    shape = (p["inputs"], p["outputs"], *p["kernel"])
    output_padding = tuple(min(e, s - 1) for e, s in zip(extra, p["stride"], strict=True))
    smallest = [
        (n - 1) * s + k + e
        for n, s, k, e in zip(p["size"], p["stride"], p["kernel"], output_padding, strict=True)
    ]
    padding = [min(q, (n - 1) // 2) for q, n in zip(p["padding"], smallest, strict=True)]
    geometry = {"stride": p["stride"], "padding": padding, "output_padding": output_padding}
    compare(
        p,
        lambda x, w, i, b: engine.sparse_conv_transpose2d(x, w, i, b, **geometry),
        lambda x, w, b=None: F.conv_transpose2d(x, w, b, **geometry),
        shape,
        (p["inputs"], p["outputs"]),
        transposed=True,
    )


@FEW
@given(
    st.sampled_from([(1,), (3,), (64,), (101,), (4, 9)]),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.integers(0, 2**31),
)
def test_linear_agrees_with_dense_in_float64(leading, inputs, outputs, density, seed):
    torch.manual_seed(seed)
    mask = torch.rand(outputs, inputs) < density
    weight = (torch.randn(outputs, inputs) * mask).requires_grad_()
    bias = torch.randn(outputs, requires_grad=True)
    x = torch.randn(*leading, inputs, requires_grad=True)
    tensors = [x, weight, bias]
    doubles = [t.detach().double().requires_grad_() for t in tensors]
    index = engine.SparseIndex(mask)
    got = results(lambda x, w, b: engine.sparse_linear(x, w, index, b), tensors, seed)
    want, scales = results(F.linear, doubles, seed), sizes(F.linear, doubles, seed)
    want[2], scales[2] = want[2] * mask, scales[2] * mask
    for three in zip(got, want, scales, strict=True):
        assert_agree(*three)


def test_dense_gradient_is_that_of_the_dense_layer():
    torch.manual_seed(0)
    mask = torch.rand(6, 5, 3, 3) < 0.2
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    index = engine.SparseIndex(mask, dense_gradient=True)
    x = torch.randn(9, 5, 6, 6)
    (got,) = gradients(engine.sparse_conv2d(x, weight, index, padding=1), [weight], 3)
    double = weight.detach().double().requires_grad_()
    (want,) = gradients(F.conv2d(x.double(), double, padding=1), [double], 3)
    assert relative(got, want) < 1e-5
    index.dense_gradient = False
    (got,) = gradients(engine.sparse_conv2d(x, weight, index, padding=1), [weight], 3)
    assert relative(got, want * mask) < 1e-5


@pytest.mark.parametrize("batch", [1, 3, 4])
@pytest.mark.parametrize(("stride", "padding", "kernel"), [(1, 1, 3), (2, 1, 4), (1, 0, 1)])
def test_gradcheck_and_second_order_on_the_double_kernel(batch, stride, padding, kernel):
    torch.manual_seed(1)
    mask = torch.rand(3, 2, kernel, kernel) < 0.5
    index = engine.SparseIndex(mask)
    weight = torch.randn(mask.shape, dtype=torch.float64, requires_grad=True)
    x = torch.randn(batch, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def forward(x, weight, bias):
        return engine.sparse_conv2d(x, weight * mask, index, bias, stride, padding)

    def transposed(x, weight):
        return engine.sparse_conv_transpose2d(x, weight * mask, index, None, stride, padding)

    assert torch.autograd.gradcheck(forward, (x, weight, bias))
    assert torch.autograd.gradgradcheck(forward, (x, weight, bias), fast_mode=True)
    y = torch.randn(batch, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(transposed, (y, weight))
    assert torch.autograd.gradgradcheck(transposed, (y, weight), fast_mode=True)


def test_second_order_with_the_dense_gradient():
    torch.manual_seed(1)
    mask = torch.rand(3, 2, 3, 3) < 0.5
    index = engine.SparseIndex(mask, dense_gradient=True)
    weight = (torch.randn(mask.shape, dtype=torch.float64) * mask).requires_grad_()
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def second(convolve):
        (first,) = torch.autograd.grad(
            convolve(x, weight).square().sum(), weight, create_graph=True
        )
        return torch.autograd.grad(first.square().sum(), x)[0]

    got = second(lambda x, w: engine.sparse_conv2d(x, w, index, padding=1))
    want = second(lambda x, w: F.conv2d(x, w, padding=1))
    assert relative(got, want) < 1e-12


@pytest.mark.parametrize("threads", [1, 2])
def test_results_repeat_bit_for_bit(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(0)
        mask = torch.rand(24, 24, 3, 3) < 0.3
        weight = (torch.randn(mask.shape) * mask).requires_grad_()
        x = torch.randn(19, 24, 11, 11, requires_grad=True)
        bias = torch.randn(24, requires_grad=True)
        index = engine.SparseIndex(mask)
        runs = []
        for _ in range(5):
            y = engine.sparse_conv2d(x, weight, index, bias, padding=1)
            runs.append([y, *gradients(y, (x, weight, bias), 0)])
        for other in runs[1:]:
            assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))
    finally:
        torch.set_num_threads(before)


def test_inactive_weights_are_never_read():
    mask = torch.zeros(2, 2, 3, 3, dtype=torch.bool)
    mask[0, 1, 1, 1] = True
    weight = torch.full(mask.shape, float("nan"))
    weight[mask] = 2.0
    x = torch.randn(8, 2, 4, 4)
    y = engine.sparse_conv2d(x, weight, engine.SparseIndex(mask), padding=1)
    assert torch.equal(y[:, 0], 2 * x[:, 1])
    assert not y[:, 1].any()


def test_an_empty_batch_gives_an_empty_result():
    mask = torch.ones(2, 3, 3, 3, dtype=torch.bool)
    x = torch.randn(0, 3, 5, 5)
    y = engine.sparse_conv2d(x, torch.randn(mask.shape), engine.SparseIndex(mask), padding=1)
    assert y.shape == (0, 2, 5, 5)


def test_wrong_use_is_told_in_one_sentence():
    mask = torch.ones(2, 3, 3, 3, dtype=torch.bool)
    weight, index = torch.randn(mask.shape), engine.SparseIndex(mask)
    with pytest.raises(SparseganError, match="4 channels"):
        engine.sparse_conv2d(torch.randn(1, 4, 8, 8), weight, index)
    with pytest.raises(SparseganError, match="one shape"):
        engine.sparse_conv2d(torch.randn(1, 3, 8, 8), weight[:1], index)
    with pytest.raises(SparseganError, match="one type"):
        engine.sparse_conv2d(torch.randn(1, 3, 8, 8).double(), weight, index)
    with pytest.raises(SparseganError, match="float32"):
        engine.sparse_conv2d(torch.randn(1, 3, 8, 8).half(), weight.half(), index)
    with pytest.raises(SparseganError, match="larger than the padded image"):
        engine.sparse_conv2d(torch.randn(1, 3, 2, 2), weight, index)
    with pytest.raises(SparseganError, match="output padding"):
        engine.sparse_conv_transpose2d(torch.randn(1, 2, 2, 2), weight, index, output_padding=1)
