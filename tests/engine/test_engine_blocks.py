import pytest
import torch

from sparsegan import engine
from sparsegan.engine.native import library

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def test_a_block_is_what_the_kernels_take_together():
    mask = (torch.rand(2, 1, 6, 3, 3) < 0.5).expand(-1, engine.BLOCK, -1, -1, -1).flatten(0, 1)
    index = engine.SparseIndex(mask)
    call = (8, (1, 1), (1, 1), torch.float32, (6, 6), (6, 6))
    together, single = index.plan(*call, groups=True), index.plan(*call)
    assert library().group(together.data_ptr()) == engine.BLOCK
    assert library().group(single.data_ptr()) == 1


ORDERS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "batch innermost": lambda x: x.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2),
    "with holes": lambda x: x.repeat_interleave(2, 1)[:, ::2],
}
WEIGHT, MASK = torch.randn(4, 4, 3, 3), torch.ones(4, 4, 3, 3, dtype=torch.bool)
FUNCTIONS = {
    "convolution": lambda x: engine.sparse_conv2d(x, WEIGHT, engine.SparseIndex(MASK)),
    "transposed": lambda x: engine.sparse_conv_transpose2d(x, WEIGHT, engine.SparseIndex(MASK)),
    "normalisation": lambda x: engine.batch_norm(x, training=True),
    "pooling": engine.average_pool2,
    "upsampling": engine.upsample2,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_whatever_the_order_of_the_input_results_are_contiguous_and_equal(name, order):
    torch.manual_seed(0)
    x = torch.randn(5, 4, 6, 6, requires_grad=True)
    runs = []
    for turned in (x, ORDERS[order](x)):
        y = FUNCTIONS[name](turned)
        assert y.is_contiguous()
        (g,) = torch.autograd.grad(y.square().sum(), x)
        runs.append((y, g))
    for a, b in zip(*runs, strict=True):
        assert torch.equal(a, b)
