"""The outline of SNGAN above 32 pixels; its published counts are in tests/cost."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from sparsegan.nets.resnet import ResNetDiscriminator, ResNetGenerator


def maps(network, inputs):
    """Shapes that go into the first block and come out of every one."""
    shapes = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, args, out: shapes.extend([args[0].shape, out.shape]))
    network(inputs)
    return [tuple(shape[1:3]) for shape in (shapes[0], *shapes[1::2])]


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        (48, [(16, 6), (8, 12), (4, 24), (2, 48)]),
        (64, [(32, 4), (16, 8), (8, 16), (4, 32), (2, 64)]),
    ],
)
def test_maps_of_the_generator_are_those_of_the_table(image_size, expected):
    G = ResNetGenerator(image_size=image_size, width=2)
    assert maps(G, torch.randn(2, 128)) == expected


@pytest.mark.parametrize(
    ("image_size", "sizes"), [(48, (24, 12, 6, 3, 1)), (64, (32, 16, 8, 4, 2))]
)
def test_maps_of_the_discriminator_are_those_of_the_table(image_size, sizes):
    D = ResNetDiscriminator(image_size=image_size, width=2)
    channels = (2, 4, 8, 16, 32)
    expected = [(3, image_size), *zip(channels, sizes, strict=True)]
    assert maps(D, torch.randn(2, 3, image_size, image_size)) == expected
    layers = [m for m in D.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert len(layers) == 16
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)


def test_scores_are_means_over_places():
    D = ResNetDiscriminator(image_size=64, width=2).double().eval()
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    h = D.blocks(x).relu()
    by_hand = torch.einsum("nchw,c->n", h, D.linear.weight[0]) / 4 + D.linear.bias
    torch.testing.assert_close(D(x), by_hand)
