"""The outline of BigGAN at 32 pixels; its published counts are in tests/cost."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from sparsegan.nets.biggan32 import BigGAN32Discriminator, BigGAN32Generator


def test_generator_starts_at_four_pixels_and_doubles_three_times():
    G = BigGAN32Generator(classes=3, width=2)
    sizes = []
    for block in (G.block1, G.block2, G.block3):
        block.register_forward_hook(lambda _, args, out: sizes.append((args[0].size(3), out.shape)))
    G(torch.randn(2, 128), torch.tensor([0, 2]))
    assert sizes == [(4, (2, 8, 8, 8)), (8, (2, 8, 16, 16)), (16, (2, 8, 32, 32))]


def test_the_class_of_a_sample_changes_its_image_alone():
    G = BigGAN32Generator(classes=3, width=2).eval()
    z = torch.randn(2, 128)
    before, after = (G(z, torch.tensor([0, label])) for label in (1, 2))
    assert before[0].equal(after[0])
    assert not before[1].allclose(after[1])


def test_scores_are_sums_over_places_plus_the_projection_on_the_class():
    D = BigGAN32Discriminator(classes=3, width=2).double().eval()
    x, labels = torch.randn(3, 3, 32, 32, dtype=torch.float64), torch.tensor([2, 0, 2])
    h = D.block4(D.block3(D.block2(D.block1(x)))).relu()
    assert h.shape == (3, 8, 8, 8)
    h = h.sum((2, 3))
    by_hand = h @ D.classifier.weight[0] + D.classifier.bias
    by_hand += torch.stack([h[k] @ D.embedding.weight[label] for k, label in enumerate(labels)])
    torch.testing.assert_close(D(x, labels), by_hand)


def test_all_layers_but_the_generators_embeddings_are_normalised():
    for network in (BigGAN32Generator(classes=3, width=2), BigGAN32Discriminator(classes=3)):
        for layer in network.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                assert parametrize.is_parametrized(layer, "weight")
            elif isinstance(layer, nn.Embedding):
                of_d = isinstance(network, BigGAN32Discriminator)
                assert parametrize.is_parametrized(layer) == of_d
