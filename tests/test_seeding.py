"""Streams are functions of their names alone."""

import pytest
import torch

from sparsegan.seeding import stream


def _draw(*key):
    return torch.rand(4, generator=stream(*key)).tolist()


def test_equal_names_give_equal_numbers_whatever_the_global_state():
    first = _draw(3, "noise", 7)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert _draw(3, "noise", 7) == first
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "other",
    [
        (4, "noise", 7),
        (3, "real", 7),
        (3, "noise", 8),
        (3, "noise"),
        (3, "noise", "7"),
        (-3, "noise", 7),
    ],
)
def test_another_name_gives_other_numbers(other):
    assert _draw(*other) != _draw(3, "noise", 7)
