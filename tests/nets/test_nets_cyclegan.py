"""The outline of CycleGAN's networks; their published counts are in tests/cost."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sparsegan.nets.cyclegan import CycleGANDiscriminator, CycleGANGenerator


@pytest.mark.parametrize(("image_size", "blocks"), [(64, 6), (128, 6), (256, 9)])
def test_residual_blocks_are_as_many_as_published(image_size, blocks):
    assert len(CycleGANGenerator(image_size=image_size, width=2).blocks) == blocks


def test_the_generator_goes_down_to_a_quarter_and_back():
    G = CycleGANGenerator(image_size=64, width=2)
    maps = []
    for layer in (G.first, *G.down, G.blocks, *G.up, G.last):
        layer.register_forward_hook(lambda _, args, out: maps.append(tuple(out.shape[1:3])))
    G(torch.randn(1, 3, 64, 64))
    assert maps == [(2, 64), (4, 32), (8, 16), (8, 16), (4, 32), (2, 64), (3, 64)]


def test_a_residual_block_reflects_at_the_edges_and_adds_its_input():
    block = CycleGANGenerator(image_size=64, width=2).blocks[0].double()
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)

    def conv_norm(x, layer):
        h = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)
        deviation = (h.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        return (h - h.mean((2, 3), keepdim=True)) / deviation

    expected = x + conv_norm(conv_norm(x, block.conv1).relu(), block.conv2)
    torch.testing.assert_close(block(x), expected)


def test_a_sample_does_not_depend_on_the_others_of_its_batch():
    G, D = CycleGANGenerator(image_size=64, width=2), CycleGANDiscriminator(image_size=64, width=2)
    x = torch.randn(3, 3, 64, 64)
    for network in (G, D):
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]))


def test_a_score_is_that_of_a_patch_of_70_pixels(monkeypatch):
    monkeypatch.setattr(F, "instance_norm", lambda x: x)  # it looks at the whole map
    D = CycleGANDiscriminator(image_size=256, width=2).double()
    x = torch.randn(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    scores = D(x)
    assert scores.shape == (1, 30, 30)
    (gradient,) = torch.autograd.grad(scores[0, 15, 15], x)
    rows, columns = (gradient[0, 0] != 0).nonzero(as_tuple=True)
    assert int(rows.max() - rows.min()) + 1 == 70
    assert int(columns.max() - columns.min()) + 1 == 70


def test_the_first_and_the_last_layer_of_the_discriminator_are_not_normalised(monkeypatch):
    calls = []
    monkeypatch.setattr(F, "instance_norm", lambda x: calls.append(x.shape[1]) or x)
    CycleGANDiscriminator(image_size=64, width=2)(torch.randn(1, 3, 64, 64))
    assert calls == [4, 8, 16]


def test_nothing_is_normalised_with_learned_gains():
    G, D = CycleGANGenerator(image_size=64, width=2), CycleGANDiscriminator(image_size=64, width=2)
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    for network in (G, D):
        of_layers = sum(
            p.numel() for m in network.modules() if isinstance(m, kinds) for p in m.parameters()
        )
        assert of_layers == sum(p.numel() for p in network.parameters())
