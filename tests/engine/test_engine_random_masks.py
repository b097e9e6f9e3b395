import pytest
import torch
from torch import nn

from sparsegan.engine import random_masks
from sparsegan.sparsity import Masks


def seeded():
    return torch.Generator().manual_seed(0)


def network():
    return nn.Sequential(nn.Conv2d(8, 30, 3), nn.ConvTranspose2d(30, 22, 4), nn.Conv2d(22, 8, 3))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("blocks", [False, True])
def test_a_draw_has_its_density_and_comes_in_blocks_where_wanted(transposed, blocks):
    shape = (16, 50, 5, 5)
    mask = random_masks.random_mask(shape, 0.3, seeded(), transposed=transposed, blocks=blocks)
    assert mask.shape == shape
    assert mask.is_contiguous()
    assert float(mask.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert random_masks.in_blocks(mask, transposed=transposed) == blocks
    assert not random_masks.in_blocks(mask, transposed=not transposed)


def test_blocks_are_of_four_output_channels_and_a_rest():
    mask = torch.ones(6, 2, dtype=torch.bool)
    mask[:4, 0] = mask[4:, 1] = False
    assert random_masks.in_blocks(mask, transposed=False)
    mask[5, 1] = True
    assert not random_masks.in_blocks(mask, transposed=False)


@pytest.mark.parametrize(("now", "then"), [(0.1, 0.5), (0.6, 0.1), (1.0, 0.1)])
def test_moved_masks_keep_the_allocation(now, then):
    module = network()
    masks = Masks(module, now, "erk")
    actual = random_masks.moved(module, masks, then)
    assert list(actual) == masks.names
    active = sum(int(mask.sum()) for mask in actual.values())
    assert active / masks.total == pytest.approx(then, abs=0.02)
    first, largest, last = (float(mask.float().mean()) for mask in actual.values())
    if now < 1:
        # As in the masks at hand, the largest layer is the sparsest by a clear margin.
        assert largest < 0.9 * first
        assert largest < 0.9 * last


@pytest.mark.parametrize("blocks", [False, True])
def test_moved_masks_keep_the_blocks(blocks):
    module = network()
    masks = Masks(module, 0.3)
    drawn = [
        random_masks.random_mask(
            tuple(layer.weight.shape), 0.3, seeded(), transposed=i == 1, blocks=blocks
        )
        for i, layer in enumerate(module)
    ]
    masks.replace(masks.flatten(drawn))
    assert random_masks.network_in_blocks(module, masks) == blocks
    actual = random_masks.moved(module, masks, 0.5)
    assert [random_masks.in_blocks(actual[str(i)], transposed=i == 1) for i in range(3)] == [
        blocks
    ] * 3


def test_a_dense_network_and_a_single_layer_have_no_blocks():
    module = nn.Linear(30, 40)
    masks = Masks(module, 0.4)
    assert not random_masks.network_in_blocks(module, masks)
    assert list(random_masks.moved(module, masks, 0.2)) == ["weight"]
    assert not random_masks.network_in_blocks(module, Masks(module, 1.0))
