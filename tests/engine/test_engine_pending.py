"""A tensor that is computed when something needs it, with the gradients of one computed at once."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F

from sparsegan.engine.fused import Prologue
from sparsegan.engine.pending import METADATA, pend, pend_inplace, to_plain


@pytest.fixture
def source():
    return torch.randn(3, 2, 4, 4, requires_grad=True)


def activated(source, slope=0.0):
    return pend(Prologue(source, slope=slope))


def test_its_shape_and_type_are_known_without_computing(source):
    pending = pend(Prologue(source, slope=0.0, upsample=True))
    assert pending.shape == (3, 2, 8, 8)
    assert pending.dim() == 4
    assert pending.dtype == torch.float32
    assert pending.waits
    assert torch.Tensor.size in METADATA


@pytest.mark.parametrize("use", [torch.sum, lambda x: (x * 2)[1:].mean(), lambda x: x.view(3, -1)])
def test_any_use_computes_it_with_right_values_and_gradients(source, use):
    pending = activated(source)
    result = use(pending)
    assert not pending.waits
    wanted = use(F.relu(source))
    assert torch.equal(result, wanted)
    (gradient,) = torch.autograd.grad(result.sum(), source)
    (right,) = torch.autograd.grad(wanted.sum(), source)
    assert torch.equal(gradient, right)


def test_it_is_computed_once(source):
    pending = activated(source)
    assert pending.plain() is pending.plain()


def test_what_was_made_without_gradients_gets_none(source):
    with torch.no_grad():
        pending = activated(source)
    assert not (pending * 1).requires_grad


def test_a_users_function_finds_its_values(source):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 2

    doubled = Double.apply(activated(source))
    (gradient,) = torch.autograd.grad(doubled.sum(), source)
    assert torch.equal(gradient, 2.0 * (source > 0))


def test_an_activation_in_place_is_the_same_tensor(source):
    pending = pend(Prologue(source, upsample=True))
    same = pend_inplace(pending, Prologue(source, slope=0.0, upsample=True))
    assert same is pending
    assert float(same.detach().min()) == 0


def test_a_nest_of_results_becomes_plain(source):
    plain = to_plain({"a": [activated(source), 3]})
    assert type(plain["a"][0]) is torch.Tensor
    assert plain["a"][1] == 3


def test_copies_and_pickles_are_plain_values(source):
    with torch.no_grad():
        pending = activated(source.detach())
    wanted = source.detach().clamp(min=0)
    assert torch.equal(copy.copy(pending) + 0, wanted)
    assert torch.equal(pickle.loads(pickle.dumps(pending.plain())), wanted)
