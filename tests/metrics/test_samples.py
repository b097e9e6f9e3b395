"""What distances between samples of features refuse."""

import pytest
import torch

from sparsegan.errors import SparseganError
from sparsegan.metrics.samples import paired_samples


def test_both_come_back_in_float64_and_detached():
    x = torch.randn(3, 2, requires_grad=True)
    pair = paired_samples(x, torch.randn(4, 2).half())
    assert [(side.dtype, side.requires_grad) for side in pair] == [(torch.float64, False)] * 2
    assert torch.equal(pair[0], x.detach().double())


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 4), "from one network"),
        (torch.zeros(3), torch.zeros(3, 4), "from one network"),
        (torch.zeros(3, 0), torch.zeros(3, 0), "from one network"),
        (torch.zeros(1, 2), torch.zeros(3, 2), "at least two images"),
        (torch.tensor([[0.0], [float("nan")]]), torch.zeros(2, 1), "not finite"),
    ],
)
def test_what_is_no_pair_of_samples_is_refused(x, y, sentence):
    with pytest.raises(SparseganError, match=sentence):
        paired_samples(x, y)
