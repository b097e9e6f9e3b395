"""Conditional normalisation and its block, written out in float64."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from sparsegan.nets.conditional import ConditionalNorm, ConditionalUpBlock


@pytest.fixture
def x():
    return torch.randn(3, 6, 4, 4, dtype=torch.float64)


def normalised(x, eps):
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = x.var((0, 2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + eps).sqrt()


def test_every_class_has_gains_and_biases_of_its_own(x):
    norm = ConditionalNorm.by_class(6, 5).double()
    labels = torch.tensor([4, 0, 4])
    out = norm(x, labels)
    for k, label in enumerate(labels):
        gain, bias = norm.gain.weight[label], norm.bias.weight[label]
        expected = normalised(x, 1e-5)[k] * (1 + gain)[:, None, None] + bias[:, None, None]
        torch.testing.assert_close(out[k], expected)


def test_a_vector_is_mapped_linearly_under_spectral_norm(x):
    norm = ConditionalNorm.by_vector(6, 7).double().train()
    norm.gain.eval(), norm.bias.eval()
    condition = torch.randn(3, 7, dtype=torch.float64)
    gain, bias = condition @ norm.gain.weight.mT, condition @ norm.bias.weight.mT
    expected = normalised(x, 1e-4) * (1 + gain)[:, :, None, None] + bias[:, :, None, None]
    torch.testing.assert_close(norm(x, condition), expected)
    assert parametrize.is_parametrized(norm.gain, "weight")
    assert norm.gain.bias is None


def test_up_block_is_the_published_one_with_its_shortcut_after_upsampling(x):
    block = ConditionalUpBlock(6, 5, lambda channels: ConditionalNorm.by_class(channels, 2))
    block.double().eval()
    labels = torch.tensor([0, 1, 1])

    def twice(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def conv(x, layer):
        return F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)

    h = conv(twice(block.norm1(x, labels).relu()), block.conv1)
    h = conv(block.norm2(h, labels).relu(), block.conv2)
    torch.testing.assert_close(block(x, labels), h + conv(twice(x), block.shortcut))
    convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3
    assert all(parametrize.is_parametrized(m, "weight") for m in convolutions)


@pytest.mark.parametrize("make", [ConditionalNorm.by_class, ConditionalNorm.by_vector])
def test_a_map_in_bfloat16_stays_so(make):
    norm = make(6, 7)
    condition = torch.arange(3) if make == ConditionalNorm.by_class else torch.randn(3, 7)
    x = torch.randn(3, 6, 4, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert norm(x, condition).dtype == torch.bfloat16
