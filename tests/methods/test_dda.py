"""DDA: the discriminator's density follows the ratio, the generator's mask stays."""

import pytest
import torch

from sparsegan import Dda
from sparsegan.sparsity import weight_budget
from toy_gan import ToyGan, require_sparse

SETTINGS = {"generator_density": 0.3, "control_interval": 2, "balance_every": 1}


@pytest.mark.parametrize(
    ("ratio", "action", "steps"), [(0.9, "raise", 1), (0.1, "lower", -1), (0.6, "hold", 0)]
)
def test_density_moves_against_the_ratio_while_the_generator_stays(ratio, action, steps):
    gan = ToyGan()
    method = Dda(*gan.parts, steps=20, balance_window=2, **SETTINGS)
    masks = method.discriminator.masks
    start, step = weight_budget(0.3, masks.total), int(0.05 * masks.total + 0.5)
    assert masks.active == start
    generator_mask = method.generator.masks.flat.clone()
    events = gan.run(method, 7, ratio=ratio)
    decisions = [e.decision for e in events if e.decision]
    assert [d.action for d in decisions] == [action] * 3
    assert masks.active == start + 3 * steps * step
    assert torch.equal(method.generator.masks.flat, generator_mask)
    require_sparse(method.discriminator)


def test_published_constants():
    settings = Dda(*ToyGan().parts, steps=10).settings
    assert (settings.low, settings.high, settings.density_step) == (0.5, 0.65, 0.05)
    assert (settings.control_interval, settings.balance_every, settings.balance_window) == (
        2000,
        10,
        100,
    )


def test_growth_at_random_needs_no_gradient():
    gan = ToyGan()
    method = Dda(*gan.parts, steps=20, balance_window=2, control_growth="random", **SETTINGS)
    gan.run(method, 5, ratio=0.9)
    assert not method.discriminator.wants_dense_gradient
    assert method.discriminator.masks.density > 0.35
