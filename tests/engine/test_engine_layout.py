import torch

from sparsegan import engine


def test_the_batch_is_innermost_and_the_values_stay():
    x = torch.randn(4, 3, 2, 5, requires_grad=True)
    y = engine.to_batch_inner(x)
    assert torch.equal(x, y)
    assert y.stride() == (1, 40, 20, 4)
    assert engine.is_batch_inner(y)
    assert not engine.is_batch_inner(x)
    assert engine.to_batch_inner(y).data_ptr() == y.data_ptr()
    (g,) = torch.autograd.grad((2 * y).sum(), x)
    assert torch.equal(g, torch.full_like(x, 2))


def test_one_image_is_batch_inner_as_it_is():
    x = torch.randn(1, 3, 4, 4)
    assert engine.is_batch_inner(x)
    assert engine.to_batch_inner(x).data_ptr() == x.data_ptr()


def test_elementwise_operations_keep_the_format():
    x = engine.to_batch_inner(torch.randn(4, 3, 2, 5))
    for y in (x.relu(), torch.nn.functional.leaky_relu(x, 0.1), x + x, x.tanh(), x.clone()):
        assert engine.is_batch_inner(y)
