import pytest
import torch
import torch.nn.functional as F

from sparsegan import engine
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def reference(x, mean, var, weight, bias, training, slope):
    """Normalisation in float64, class-conditional too."""
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    y = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
    return F.leaky_relu(y * weight[..., None, None] + bias[..., None, None], slope)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("batch", [2, 8, 13, 64])
def test_agrees_with_float64(batch, slope, conditional, training):
    torch.manual_seed(batch)
    x = (torch.randn(batch, 5, 9, 7) * 3 + 10).requires_grad_()
    shape = (batch, 5) if conditional else (5,)
    weight, bias = torch.randn(shape, requires_grad=True), torch.randn(shape, requires_grad=True)
    mean, var = torch.randn(5) + 10, torch.rand(5) + 0.5
    tensors = [x, weight, bias]
    doubles = [t.detach().double().requires_grad_() for t in tensors]
    want = reference(doubles[0], mean.double(), var.double(), *doubles[1:], training, slope)
    got = engine.batch_norm(
        x, mean.clone(), var.clone(), weight, bias, training, negative_slope=slope
    )
    g = torch.randn_like(got)
    assert got.is_contiguous()
    assert (got - want).norm() < 1e-5 * want.norm()
    # Elements within rounding of the kink may fall on either side of it.
    for a, b in zip(
        torch.autograd.grad(got, tensors, g),
        torch.autograd.grad(want, doubles, g.double()),
        strict=True,
    ):
        assert (a - b).norm() < 2e-5 * b.norm() + 1e-4 * (slope != 1)


def test_running_statistics_move_as_those_of_torch():
    torch.manual_seed(0)
    x = torch.randn(6, 4, 5, 5) + 3
    ours, theirs = ([torch.zeros(4), torch.ones(4)] for _ in range(2))
    for _ in range(2):
        engine.batch_norm(x, *ours, training=True, momentum=0.3)
        F.batch_norm(x, *theirs, training=True, momentum=0.3)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("slope", [0.2, 1.0])
def test_gradcheck_on_the_double_kernel(training, conditional, slope):
    torch.manual_seed(2)
    shape = (3, 2) if conditional else (2,)
    x, weight, bias = (
        torch.randn(s, dtype=torch.float64, requires_grad=True)
        for s in ((3, 2, 2, 3), shape, shape)
    )
    mean, var = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)

    def norm(x, weight, bias):
        return engine.batch_norm(
            x, mean.clone(), var.clone(), weight, bias, training, negative_slope=slope
        )

    assert torch.autograd.gradcheck(norm, (x, weight, bias))
    assert torch.autograd.gradgradcheck(norm, (x, weight, bias), fast_mode=True)


def test_variance_of_a_large_mean_is_not_lost():
    x = torch.randn(64, 1, 16, 16) + 1000
    y = engine.batch_norm(x, training=True)
    assert float(y.var()) == pytest.approx(1.0, abs=1e-3)


def test_opcheck():
    x = torch.randn(8, 3, 4, 4, requires_grad=True)
    weight, bias = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    mean, inverse = torch.randn(3), torch.rand(3) + 1
    ops = torch.ops.sparsegan
    torch.library.opcheck(ops.moments, (x.detach(),))
    torch.library.opcheck(ops.normalise, (x, weight, bias, mean, inverse, True, 0.1))
    torch.library.opcheck(
        ops.normalise_gradient, (x, x.detach(), weight, bias, mean, inverse, True, 0.1)
    )


def test_wrong_use_is_told():
    x = torch.randn(2, 3, 4, 4)
    with pytest.raises(SparseganError, match="running statistics"):
        engine.batch_norm(x)
    with pytest.raises(SparseganError, match="must both be"):
        engine.batch_norm(x, weight=torch.ones(4), training=True)
