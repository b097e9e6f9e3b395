import itertools

import torch

from sparsegan.engine.registry import register

NUMBERS = itertools.count()


def registered(**functions):
    """An operator that doubles, under a name of its own."""
    name = f"test_double_{next(NUMBERS)}"
    register(f"{name}(Tensor x) -> Tensor", lambda x: 2 * x, torch.empty_like, **functions)
    return getattr(torch.ops.sparsegan, name)


def test_an_operator_computes_and_has_shapes_without_computing():
    double = registered()
    assert double(torch.arange(3.0)).tolist() == [0, 2, 4]
    assert double(torch.empty(2, 5, device="meta")).shape == (2, 5)


def test_a_backward_has_what_was_kept_of_its_forward():
    kept = []

    def keep(ctx, inputs, output):
        kept.append((inputs, output))

    double = registered(backward=lambda ctx, gradient: 2 * gradient, keep=keep)
    x = torch.ones(3, requires_grad=True)
    double(x).backward(torch.arange(3.0))
    assert x.grad.tolist() == [0, 2, 4]
    [((x_kept,), output)] = kept
    assert torch.equal(output, 2 * x_kept)
