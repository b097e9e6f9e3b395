"""What is kept belongs to the tensors that it was made from."""

import torch

from sparsegan.engine.constants import Kept


def test_it_holds_for_the_same_tensors_and_for_no_others():
    mean, gain = torch.zeros(3), None
    kept = Kept("statistics", mean, gain)
    assert kept.holds_for(mean, None)
    assert kept.holds_for(mean.view(3), None)  # the same memory
    assert not kept.holds_for(mean.clone(), None)
    assert not kept.holds_for(mean, torch.ones(3))


def test_a_change_in_place_ends_it():
    mean = torch.zeros(3)
    kept = Kept("statistics", mean)
    mean.add_(1)
    assert not kept.holds_for(mean)


def test_its_tensors_keep_their_memory():
    kept = Kept("statistics", torch.zeros(1000))
    assert all(not kept.holds_for(torch.zeros(1000)) for _ in range(100))
