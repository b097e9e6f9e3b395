"""Views of feature maps that lie in another order in memory."""

import pytest
import torch
from torch import nn

from sparsegan.engine import views
from sparsegan.errors import SparseganError


def batch_inner(*size):
    return torch.randn(*size[1:], size[0]).permute(3, 0, 1, 2)


def test_a_view_that_the_order_allows_is_left_to_pytorch():
    assert views.view_or_copy(torch.randn(3, 4, 2, 2), 3, -1) is None
    assert views.view_or_copy(batch_inner(3, 4, 2, 2), 3, -1) is None


def test_any_other_view_becomes_a_copy_with_the_values_of_the_usual_order():
    x = batch_inner(3, 4, 2, 2)
    copy = views.view_or_copy(x, 12, -1)
    assert torch.equal(copy, x.contiguous().view(12, -1))
    assert views.is_copy(x, copy)


def test_a_write_into_such_a_copy_is_refused_and_reading_is_not():
    copy = views.view_or_copy(batch_inner(3, 4, 2, 2), 12, -1)
    with views.no_writes_to_copies([copy]):
        copy.sum()
    with (
        pytest.raises(SparseganError, match="writes through a view"),
        views.no_writes_to_copies([copy]),
    ):
        copy[0] = 0  # through a view of the copy, too


def test_a_watched_network_gets_copies_and_is_known_to_view():
    x = nn.Conv2d(2, 3, 1)(torch.randn(2, 2, 4, 4)).to(memory_format=torch.channels_last)
    with views.ViewWatch() as watch:
        plain = x.flatten(1)
        assert not watch.views
        viewed = x.view(2, -1)
    assert watch.views
    assert torch.equal(viewed, plain)


def test_a_result_is_given_in_the_usual_order_and_a_hole_stays():
    x = batch_inner(2, 3, 4, 4)
    assert views.in_usual_order(x).is_contiguous()
    every_second = x[:, ::2]
    assert views.in_usual_order(every_second) is every_second
    assert views.in_usual_order("anything") == "anything"
