"""Static masks: at their densities, and never moved."""

import pytest
import torch

from sparsegan import Static
from sparsegan.sparsity import weight_budget
from toy_gan import ToyGan, require_sparse


@pytest.mark.parametrize(
    ("discriminator", "expected"), [(None, 0.2), (0.5, 0.5), (1.0, 1.0)], ids=str
)
def test_masks_have_their_budgets_and_stay(discriminator, expected):
    gan = ToyGan()
    method = Static(
        *gan.parts, steps=20, generator_density=0.2, discriminator_density=discriminator
    )
    masks = method.generator.masks, method.discriminator.masks
    assert masks[0].active == weight_budget(0.2, masks[0].total)
    assert masks[1].active == weight_budget(expected, masks[1].total)
    before = [m.flat.clone() for m in masks]
    events = gan.run(method, 8)
    assert all(not e.changes and e.decision is None for e in events)
    assert all(torch.equal(m.flat, b) for m, b in zip(masks, before, strict=True))
    require_sparse(method.generator)
    require_sparse(method.discriminator)


def test_the_seed_alone_draws_the_masks():
    def masks(seed, weights_seed):
        method = Static(*ToyGan(seed=weights_seed).parts, steps=9, seed=seed)
        return torch.cat([method.generator.masks.flat, method.discriminator.masks.flat])

    assert torch.equal(masks(1, 2), masks(1, 3))
    assert not torch.equal(masks(1, 2), masks(2, 2))
