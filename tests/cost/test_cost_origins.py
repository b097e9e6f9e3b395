"""Which weight a tensor was made of."""

import pytest
import torch
from torch import nn

from sparsegan.cost.origins import Origins


@pytest.fixture
def weight():
    return nn.Parameter(torch.randn(4, 3))


@pytest.fixture
def origins(weight):
    return Origins([weight])


def test_a_parameter_is_its_own_origin_and_other_tensors_have_none(origins, weight):
    assert origins.of(weight) is weight
    assert origins.of(torch.zeros(1)) is None


def test_views_scalings_and_copies_for_samples_are_followed(origins, weight):
    view = weight.view(1, 4, 3)
    origins.follow([weight], [view])
    style = torch.rand(2, 1, 3)
    modulated = view * style
    origins.follow([view, style], [modulated])
    assert origins.of(modulated) is weight


def test_what_something_of_its_own_size_went_into_has_no_origin(origins, weight):
    total = weight + (other := torch.ones(4, 3))
    origins.follow([weight, other], [total])
    assert origins.of(total) is None


def test_what_two_weights_went_into_has_no_origin(weight):
    second = nn.Parameter(torch.randn(3, 4))
    origins = Origins([weight, second])
    product = weight @ second
    origins.follow([weight, second], [product])
    assert origins.of(product) is None


def test_a_sum_over_a_weight_is_not_the_weight(origins, weight):
    total = weight.sum()
    origins.follow([weight], [total])
    assert origins.of(total) is None


def test_tensors_without_memory_are_told_apart():
    with torch.device("meta"):
        one, other = nn.Parameter(torch.empty(2, 2)), torch.empty(2, 2)
    origins = Origins([one])
    origins.follow([one, other], [made := one + other])
    assert origins.of(made) is None
