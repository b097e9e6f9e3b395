"""Scores against their formulas, and what becomes of numbers that are none."""

import math

import torch

from sparsegan.sparsity import resize, scores


def test_magnitude_gradient_and_snip_are_their_formulas(device):
    weight = torch.tensor([1.0, -2.0, 0.0], device=device, requires_grad=True)
    grad = torch.tensor([-3.0, 0.5, 4.0], device=device)
    assert scores.magnitude(weight).tolist() == [1, 2, 0]
    assert scores.gradient(grad).tolist() == [3, 0.5, 4]
    assert scores.snip(weight, grad).tolist() == [3, 1, 0]
    assert not scores.magnitude(weight).requires_grad


def test_a_gradient_that_is_no_number_is_never_preferred():
    values = scores.gradient(torch.tensor([math.nan, 0.0, -math.inf, 1.0]))
    assert values.argsort().tolist() == [0, 1, 3, 2]
    assert values.isfinite().all()


def test_random_scores_follow_their_generator_on_any_device(device):
    like = torch.zeros(1000, device=device)
    first = scores.random(like, torch.Generator().manual_seed(3))
    second = scores.random(torch.zeros(1000), torch.Generator().manual_seed(3))
    assert first.device == like.device
    assert torch.equal(first.cpu(), second)
    # As many bits as a uniform number of double precision has, and the same ones.
    uniform = torch.rand(1000, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.equal(second.double() / 2**53, uniform)
    assert len(second.unique()) == 1000


def test_snip_makes_a_mask_at_initialisation():
    weight, grad = torch.tensor([3.0, 1.0, -2.0, 4.0]), torch.tensor([1.0, 9.0, 2.0, 0.0])
    mask = resize(torch.ones(4, dtype=torch.bool), scores.snip(weight, grad), 2)
    assert mask.tolist() == [False, True, True, False]
