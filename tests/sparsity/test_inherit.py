import pytest
import torch
from torch import nn

from sparsegan.sparsity import Masks, inherit


def network():
    return nn.Sequential(nn.Linear(6, 10), nn.Linear(10, 7))


def drawn(density, granularity="weight", include="weights", seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Masks(
        network(), density, "uniform", granularity=granularity, include=include, generator=generator
    )


def test_a_mask_of_the_same_layers_is_taken_as_it_is():
    old, new = drawn(0.3, seed=1), drawn(0.6)
    assert torch.equal(inherit.same(new, old.state_dict()), old.flat)
    assert torch.equal(inherit.trained(new, old.state_dict()), old.flat)


def test_single_weights_make_no_blocks_and_blocks_make_single_weights():
    weights, blocks = drawn(0.3, seed=1), drawn(0.3, "block")
    assert inherit.same(blocks, weights.state_dict()) is None
    assert torch.equal(inherit.same(weights, blocks.state_dict()), blocks.flat)


def test_layers_that_had_no_mask_were_trained_whole():
    first_only = drawn(0.3, include=lambda name, _: name == "0", seed=1)
    both = drawn(0.5)
    assert inherit.same(both, first_only.state_dict()) is None
    trained = inherit.trained(both, first_only.state_dict())
    assert torch.equal(trained[:60], first_only.flat)
    assert trained[60:].all()


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize("density", [0.2, 0.8])
def test_the_strongest_are_kept_and_the_rest_is_drawn(granularity, density):
    old, new = drawn(0.5, granularity, seed=1), drawn(density, granularity)
    weights = torch.rand(new.total) + 0.1
    generator = torch.Generator().manual_seed(0)
    after = inherit.strongest(new, old.flat, weights, generator)
    new.replace(after)  # which refuses blocks that are active in part
    assert new.counts() == drawn(density, granularity).counts()
    units = new.units
    were, now, size = (units.mean(x.float()) for x in (old.flat, after, weights.abs()))
    for had, has, value in zip(*map(units.split_groups, (were > 0, now > 0, size)), strict=True):
        if has.sum() <= had.sum():
            assert not (has & ~had).any()
            if (had & ~has).any():
                assert value[has].min() >= value[had & ~has].max()
        else:
            assert not (had & ~has).any()


def test_what_is_missing_is_drawn_anew_by_each_seed():
    old, new = drawn(0.1, seed=1), drawn(0.5)
    weights = torch.ones(new.total)
    masks = [
        inherit.strongest(new, old.flat, weights, torch.Generator().manual_seed(s)) for s in (0, 1)
    ]
    assert not torch.equal(*masks)
