"""The blocks against the papers' order of operations, written out in float64."""

import pytest
import torch
from torch.nn import functional as F

from sparsegan.nets.blocks import DownBlock, FirstBlock, MovedConv, PlainBlock, UpBlock


@pytest.fixture
def x():
    return torch.randn(3, 6, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def conv(x, layer):
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)


def twice(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def half(x):
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def normalised(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_up_block_is_the_published_one_with_its_shortcut_after_upsampling(x):
    block = UpBlock(6, 5).double()
    h = conv(twice(normalised(x).relu()), block.conv1)
    h = conv(normalised(h).relu(), block.conv2)
    torch.testing.assert_close(block(x), h + conv(twice(x), block.shortcut))


def test_down_block_is_the_published_one_with_its_shortcut_before_pooling(x):
    block = DownBlock(6, 5).double().eval()
    h = conv(conv(x.relu(), block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), half(h + conv(x, block.shortcut)))


def test_first_block_leaves_the_pixels_and_pools_before_its_shortcut(x):
    block = FirstBlock(6, 5).double().eval()
    h = conv(conv(x, block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), half(h) + conv(half(x), block.shortcut))
    assert not isinstance(block.shortcut, MovedConv)


def test_down_block_leaves_the_last_row_and_column_of_an_odd_map(x):
    block = DownBlock(6, 5, published_positions=9).double().eval()
    x = x[:, :, :3, :3]
    h = conv(conv(x.relu(), block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), half((h + conv(x, block.shortcut))[:, :, :2, :2]))
    assert block.shortcut.published_positions == 9


def test_plain_block_adds_its_input(x):
    block = PlainBlock(6, 6).double().eval()
    h = conv(conv(x.relu(), block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), h + x)


def test_plain_block_that_changes_the_channels_has_a_convolution_for_shortcut(x):
    block = PlainBlock(6, 5).double().eval()
    h = conv(conv(x.relu(), block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), h + conv(x, block.shortcut))
    assert not isinstance(block.shortcut, MovedConv)


@pytest.mark.parametrize("block", [DownBlock(6, 5), FirstBlock(6, 5), PlainBlock(6, 5)])
def test_every_layer_of_a_discriminator_block_has_spectral_norm_one(block, x):
    block.double().train()
    for _ in range(200):  # power iterations
        block(x)
    block.eval()
    weights = [m.weight for m in block.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(weights) == 3
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, rel=1e-3)
