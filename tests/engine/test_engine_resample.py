import pytest
import torch
import torch.nn.functional as F

from sparsegan import engine
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@pytest.mark.parametrize("batch", [1, 5, 8, 19])
def test_agree_with_torch(batch):
    x = torch.randn(batch, 3, 6, 4, requires_grad=True)
    for ours, theirs in (
        (engine.average_pool2, lambda x: F.avg_pool2d(x, 2)),
        (engine.upsample2, lambda x: F.interpolate(x, scale_factor=2)),
    ):
        got, want = ours(x), theirs(x)
        torch.testing.assert_close(got, want)
        g = torch.randn_like(want)
        torch.testing.assert_close(*(torch.autograd.grad(y, x, g) for y in (got, want)))
        assert got.is_contiguous()


def test_gradcheck_and_opcheck():
    x = torch.randn(3, 2, 4, 2, dtype=torch.float64, requires_grad=True)
    for function in (engine.average_pool2, engine.upsample2):
        assert torch.autograd.gradcheck(function, (x,))
        assert torch.autograd.gradgradcheck(function, (x,), fast_mode=True)
    torch.library.opcheck(torch.ops.sparsegan.gather2, (x, 0.25))
    torch.library.opcheck(torch.ops.sparsegan.spread2, (x, 1.0))


def test_odd_sizes_are_refused():
    with pytest.raises(SparseganError, match="even"):
        engine.average_pool2(torch.randn(1, 1, 3, 4))
