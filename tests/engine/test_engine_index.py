import pytest
import torch
import torch.nn.functional as F

from sparsegan import engine
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def test_a_rebuilt_index_is_that_of_the_new_mask():
    torch.manual_seed(0)
    x, dense = torch.randn(9, 8, 6, 6), torch.randn(8, 8, 3, 3)
    index = engine.SparseIndex(torch.rand(dense.shape) < 0.3)
    engine.sparse_conv2d(x, dense, index, padding=1)
    mask = torch.rand(dense.shape) < 0.3
    index.rebuild(mask)
    got = engine.sparse_conv2d(x, dense, index, padding=1)
    torch.testing.assert_close(got, F.conv2d(x, dense * mask, padding=1), rtol=1e-4, atol=1e-5)
    assert index.active == int(mask.sum())
    assert index.density == pytest.approx(float(mask.float().mean()))


def test_plans_are_kept_until_the_mask_changes():
    mask = torch.rand(4, 4, 3, 3) < 0.5
    index = engine.SparseIndex(mask)
    arguments = (64, (1, 1), (1, 1), torch.float32, (6, 6), (6, 6))
    first = index.plan(*arguments)
    dense = index.plan(*arguments, dense=True)
    assert index.plan(*arguments) is first
    index.rebuild(~mask)
    assert index.plan(*arguments) is not first
    assert index.plan(*arguments, dense=True) is dense


def test_the_mask_is_copied():
    mask = torch.ones(2, 2, dtype=torch.bool)
    index = engine.SparseIndex(mask)
    mask.zero_()
    assert index.active == 4


def test_wrong_masks_are_told():
    with pytest.raises(SparseganError, match="bool mask"):
        engine.SparseIndex(torch.ones(2, 2))
    with pytest.raises(SparseganError, match="keeps its shape"):
        engine.SparseIndex(torch.ones(2, 2, dtype=torch.bool)).rebuild(
            torch.ones(2, 3, dtype=torch.bool)
        )
    large = engine.SparseIndex(torch.ones(1, 1, 300, 300, dtype=torch.bool))
    with pytest.raises(SparseganError, match="too large"):
        large.plan(64, (1, 1), (0, 0), torch.float32, (2**14, 2**14), (2**14 + 299,) * 2)


@pytest.mark.parametrize("transposed", [False, True])
def test_groups_of_outputs_are_found_in_the_mask(transposed):
    torch.manual_seed(0)
    blocks = (torch.rand(2, 1, 8, 3, 3) < 0.4).expand(-1, engine.BLOCK, -1, -1, -1).flatten(0, 1)
    mask = blocks.transpose(0, 1) if transposed else blocks
    index = engine.SparseIndex(mask, transposed=transposed)
    assert index.grouped
    assert not engine.SparseIndex(mask, transposed=not transposed).grouped
    call = (64, (1, 1), (1, 1), torch.float32, (6, 6), (6, 6))
    together = index.plan(*call, adjoint=transposed, groups=True)
    single = index.plan(*call, adjoint=transposed)
    assert together.numel() < single.numel()
    one_off = mask.clone()
    one_off[-1, -1, 0, 0] ^= True
    index.rebuild(one_off)
    assert not index.grouped
