"""The outline of BigGAN above 32 pixels; its published counts are in tests/cost."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from sparsegan.errors import SparseganError
from sparsegan.nets.biggan import LAYOUTS, BigGANDiscriminator, BigGANGenerator


def generator(image_size, latent_dim=None):
    latent_dim = LAYOUTS[image_size].latent_dim if latent_dim is None else latent_dim
    return BigGANGenerator(classes=3, image_size=image_size, width=2, latent_dim=latent_dim)


def outputs(network, layers, *inputs):
    """Output of each of the layers, in the order in which they run."""
    actual = []
    handles = [m.register_forward_hook(lambda _, args, out: actual.append(out)) for m in layers]
    network(*inputs)
    for handle in handles:
        handle.remove()
    return actual


def test_maps_at_64_pixels_are_those_of_the_table():
    G = generator(64)
    actual = outputs(G, [*G.blocks, G.attention], torch.randn(2, 100), torch.tensor([0, 1]))
    assert [tuple(h.shape[1:3]) for h in actual] == [(16, 8), (8, 16), (4, 32), (4, 32), (2, 64)]
    D = BigGANDiscriminator(classes=3, image_size=64, width=2)
    layers = [D.first, D.attention, *D.blocks]
    actual = outputs(D, layers, torch.randn(2, 3, 64, 64), torch.tensor([0, 1]))
    expected = [(2, 32), (2, 32), (4, 16), (8, 8), (16, 4), (32, 4)]
    assert [tuple(h.shape[1:3]) for h in actual] == expected


def test_maps_at_128_pixels_attend_at_64():
    G = generator(128)
    actual = outputs(G, [*G.blocks, G.attention], torch.randn(2, 120), torch.tensor([0, 1]))
    expected = [(32, 8), (16, 16), (8, 32), (4, 64), (4, 64), (2, 128)]
    assert [tuple(h.shape[1:3]) for h in actual] == expected
    D = BigGANDiscriminator(classes=3, image_size=128, width=2)
    layers = [D.first, D.attention, *D.blocks]
    actual = outputs(D, layers, torch.randn(2, 3, 128, 128), torch.tensor([0, 1]))
    expected = [(2, 64), (2, 64), (4, 32), (8, 16), (16, 8), (32, 4), (32, 4)]
    assert [tuple(h.shape[1:3]) for h in actual] == expected


def test_each_piece_of_the_noise_enters_at_its_block():
    G = generator(64).eval()
    z, labels = torch.randn(1, 100), torch.tensor([1])
    before = outputs(G, G.blocks, z, labels)
    for piece in range(5):
        changed = z.clone()
        changed[:, 20 * piece : 20 * (piece + 1)] += 1
        after = outputs(G, G.blocks, changed, labels)
        same = [a.equal(b) for a, b in zip(before, after, strict=True)]
        # The first piece goes to the linear layer, the second to the first block, and so on.
        first = max(piece - 1, 0)
        assert same == [number < first for number in range(4)]


def test_the_class_enters_at_every_block():
    G = generator(64).eval()
    z = torch.randn(1, 100)
    before, after = (outputs(G, G.blocks, z, torch.tensor([label])) for label in (0, 1))
    assert not any(a.allclose(b) for a, b in zip(before, after, strict=True))


def test_scores_are_sums_over_places_plus_the_projection_on_the_class():
    D = BigGANDiscriminator(classes=3, image_size=64, width=2).double().eval()
    x, labels = torch.randn(3, 3, 64, 64, dtype=torch.float64), torch.tensor([2, 0, 2])
    h = D.blocks(D.attention(D.first(x))).relu().sum((2, 3))
    by_hand = h @ D.linear.weight[0] + D.linear.bias
    by_hand += torch.stack([h[k] @ D.embedding.weight[label] for k, label in enumerate(labels)])
    torch.testing.assert_close(D(x, labels), by_hand)


def test_all_layers_but_the_generators_embedding_are_normalised():
    for network in (generator(64), BigGANDiscriminator(classes=3, image_size=64, width=2)):
        for name, layer in network.named_modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d, nn.Embedding)):
                plain = isinstance(network, BigGANGenerator) and name == "embedding"
                assert parametrize.is_parametrized(layer) != plain


def test_noise_that_cannot_be_cut_is_refused_with_the_published_length():
    with pytest.raises(SparseganError, match=r"multiple of 5 \(published: 100\)"):
        generator(64, latent_dim=128)
    with pytest.raises(SparseganError, match=r"multiple of 6 \(published: 120\)"):
        generator(128, latent_dim=100)
