import pytest
import torch

from needs import in_full
from sparsegan import engine
from sparsegan.engine.operators import output_size

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def plans(index, x, stride, padding, dense):
    small = output_size(x.shape, index.mask.shape, stride, padding)[2:]
    call = (len(x), stride, padding, x.dtype, tuple(small), tuple(x.shape[2:]))
    forward, adjoint = index.plan(*call), index.plan(*call, adjoint=True)
    of_weight = index.plan(*call, dense=True) if dense else forward
    return forward, adjoint, of_weight, stride, padding, dense


@pytest.mark.parametrize(
    ("batch", "dense"),
    [(8, False), (11, True), *in_full((1, False), (11, False), (1, True), (8, True))],
)
def test_opcheck_of_the_convolutions(batch, dense):
    torch.manual_seed(0)
    mask = torch.rand(4, 3, 3, 3) < 0.4
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    bias = torch.randn(4, requires_grad=True)
    x = torch.randn(batch, 3, 6, 5, requires_grad=True)
    common = plans(engine.SparseIndex(mask), x, (2, 2), (1, 1), dense)
    ops = torch.ops.sparsegan
    y = ops.convolve(x, weight, bias, *common).detach().requires_grad_()
    torch.library.opcheck(ops.convolve, (x, weight, bias, *common))
    torch.library.opcheck(ops.convolve, (x, weight, None, *common))
    torch.library.opcheck(ops.convolve_adjoint, (y, weight, None, *common, [6, 5]))
    torch.library.opcheck(ops.convolve_weight, (x, y, *common, [4, 3, 3, 3]))
    torch.library.opcheck(ops.channel_sum, (x,))


def test_operators_compile_into_a_graph():
    torch.manual_seed(0)
    mask = torch.rand(4, 3, 3, 3) < 0.4
    weight = (torch.randn(mask.shape) * mask).requires_grad_()
    x = torch.randn(8, 3, 6, 6)
    common = plans(engine.SparseIndex(mask), x, (1, 1), (1, 1), False)

    def step(x, weight):
        return torch.ops.sparsegan.convolve(x, weight, None, *common).relu().sum()

    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    got, want = (torch.autograd.grad(f(x, weight), weight)[0] for f in (compiled, step))
    assert torch.equal(got, want)


def test_a_plan_of_another_shape_is_refused():
    index = engine.SparseIndex(torch.ones(4, 3, 3, 3, dtype=torch.bool))
    common = plans(index, torch.randn(8, 3, 6, 6), (1, 1), (1, 1), False)
    convolve = torch.ops.sparsegan.convolve
    with pytest.raises(ValueError, match="numbers of channels"):
        convolve(torch.randn(8, 5, 6, 6), torch.randn(4, 5, 3, 3), None, *common)
    with pytest.raises(ValueError, match="images of another size"):
        convolve(torch.randn(8, 3, 6, 7), torch.randn(4, 3, 3, 3), None, *common)
    none = torch.empty(0, dtype=torch.int32)
    with pytest.raises(ValueError, match="no plan"):
        convolve(torch.randn(8, 3, 6, 6), torch.randn(4, 3, 3, 3), None, none, *common[1:])
