"""Views of dense networks' feature maps, which lie in channels_last."""

import pytest
import torch
from torch import nn

from sparsegan.engine import views
from sparsegan.errors import SparseganError


def channels_last(*size):
    return torch.randn(size).to(memory_format=torch.channels_last)


def test_a_view_that_the_order_allows_is_left_to_pytorch():
    assert views.view_or_copy(torch.randn(3, 4, 2, 2), 3, -1) is None
    assert views.view_or_copy(channels_last(3, 4, 2, 2), 3, 4, -1) is None


def test_any_other_view_becomes_a_copy_with_the_values_of_the_usual_order():
    x = channels_last(3, 4, 2, 2)
    copy = views.view_or_copy(x, 3, -1)
    assert torch.equal(copy, x.contiguous().view(3, -1))
    assert views.storage(copy) != views.storage(x)


def test_a_view_shares_the_storage_of_its_map():
    x = channels_last(3, 4, 2, 2)
    assert views.storage(x[1:]) == views.storage(x) == x.data_ptr()
    assert views.storage(torch.eye(3).to_sparse()) == 0


def test_a_write_into_such_a_copy_is_refused_and_reading_is_not():
    copy = views.view_or_copy(channels_last(3, 4, 2, 2), 3, -1)
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


def test_a_watched_network_that_writes_through_a_view_is_told():
    x = channels_last(2, 3, 4, 4)
    with pytest.raises(SparseganError, match="writes through a view"), views.ViewWatch():
        x.view(2, -1).mul_(2)
    with views.ViewWatch():
        x.view(2, 3, -1).mul_(2)  # a view as it is


def test_a_result_is_given_in_the_usual_order_and_a_hole_stays():
    x = channels_last(2, 3, 4, 4)
    assert views.in_usual_order(x).is_contiguous()
    every_second = x[:, ::2]
    assert views.in_usual_order(every_second) is every_second
    assert views.in_usual_order("anything") == "anything"
