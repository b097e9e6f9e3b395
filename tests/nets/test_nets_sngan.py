"""The outline of SNGAN; its published counts are in tests/cost."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from sparsegan.nets.sngan import SNGANDiscriminator, SNGANGenerator


def test_every_layer_of_the_discriminator_is_normalised_and_its_head_has_no_bias():
    D = SNGANDiscriminator(width=4)
    layers = [m for m in D.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert len(layers) == 11
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    assert D.linear.bias is None


def test_scores_are_sums_over_places():
    D = SNGANDiscriminator(width=4).double().eval()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    h = D.block4(D.block3(D.block2(D.block1(x)))).relu()
    assert h.shape == (2, 4, 8, 8)
    by_hand = torch.einsum("nchw,c->n", h, D.linear.weight[0])
    torch.testing.assert_close(D(x), by_hand)


def test_generator_starts_at_four_pixels_and_doubles_three_times():
    G = SNGANGenerator(width=4)
    sizes = []
    for block in (G.block1, G.block2, G.block3):
        block.register_forward_hook(lambda _, args, out: sizes.append((args[0].size(3), out.shape)))
    G(torch.randn(2, 128))
    assert sizes == [(4, (2, 4, 8, 8)), (8, (2, 4, 16, 16)), (16, (2, 4, 32, 32))]
