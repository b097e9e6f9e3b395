import pytest
import torch
from torch import nn

from sparsegan.logits import come_from_sigmoid


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (torch.sigmoid, True),
        (nn.Sequential(nn.Linear(3, 1), nn.Sigmoid(), nn.Flatten(0)), True),
        (lambda x: torch.sigmoid(x).view(-1).unsqueeze(1).squeeze(), True),
        (lambda x: x * torch.sigmoid(x), False),
        (lambda x: torch.sigmoid(x).mean(1), False),
        (lambda x: torch.sigmoid(x).detach(), False),
        (lambda x: x, False),
    ],
)
def test_a_sigmoid_is_seen_through_changes_of_shape(make, expected):
    assert come_from_sigmoid(make(torch.randn(2, 3, requires_grad=True))) is expected
