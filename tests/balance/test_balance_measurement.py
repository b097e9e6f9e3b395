"""A record out of scores, against NumPy; over ranks in tests/methods/test_hazards.py."""

import math

import numpy as np
import pytest
import torch

from sparsegan.balance.measurement import measurement


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(7,), (7, 1), (7, 3, 5)])
def test_means_shares_and_spread_are_numpys(dtype, shape, device):
    drawn = torch.Generator().manual_seed(3)
    batches = [torch.randn(shape, generator=drawn).to(dtype) + 100 for _ in range(3)]
    batches[0] -= 100
    real, before, after = (batch.to(device) for batch in batches)
    sizes = {"generator_gradient": 0.5, "discriminator_gradient": 0.25}
    record = measurement(real, before, after, sizes)
    exact = [batch.double().numpy() for batch in batches]
    means = [record.real, record.fake_before, record.fake_after]
    assert means == pytest.approx([batch.mean() for batch in exact], rel=1e-12)
    assert record.real_positive == (exact[0] > 0).mean()
    images = exact[1].reshape(7, -1).mean(1)
    assert record.fake_spread == pytest.approx(np.std(images, ddof=1), rel=1e-9)
    assert (record.generator_gradient, record.discriminator_gradient) == (0.5, 0.25)


def test_of_one_image_the_spread_is_not_known():
    for scores in (torch.ones(1), torch.ones(()), torch.ones(1, 4, 4)):
        assert math.isnan(measurement(torch.ones(3), scores, scores, {}).fake_spread)


def test_of_equal_images_it_is_0_however_far_from_0_they_are():
    scores = torch.full((9,), 1234.567)
    assert measurement(torch.ones(3), scores, scores, {}).fake_spread < 1e-9
