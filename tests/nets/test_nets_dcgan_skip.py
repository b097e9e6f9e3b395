import pytest
import torch
from torch import nn

from sparsegan.nets.dcgan import DCGANGenerator
from sparsegan.nets.dcgan_skip import DCGANSkipGenerator


def painter(image_size=32, channels=3, width=4):
    torch.manual_seed(0)
    skip = {"image_size": image_size, "channels": channels, "width": width, "latent_dim": 10}
    return DCGANSkipGenerator(**skip).double().eval()


def silent(layers):
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


def test_there_is_a_painting_layer_for_every_size_but_the_last():
    G = painter()
    painting = [(c.in_channels, c.out_channels, c.kernel_size) for c in G.paints]
    assert painting == [(32, 3, (1, 1)), (16, 3, (1, 1)), (8, 3, (1, 1))]
    assert (G.conv.in_channels, G.conv.kernel_size) == (4, (3, 3))


@pytest.mark.parametrize("image_size", [28, 128])
def test_without_paint_below_the_last_size_it_is_a_dcgan(image_size):
    G = painter(image_size)
    silent(G.paints)
    plain = DCGANGenerator(image_size=image_size, width=4, latent_dim=10).double().eval()
    plain.load_state_dict({k: v for k, v in G.state_dict().items() if "paints" not in k})
    z = torch.randn(2, 10, dtype=torch.float64)
    assert torch.equal(G(z), plain(z))


@pytest.mark.parametrize(("index", "square"), [(0, 8), (1, 4), (2, 2)])
def test_each_size_paints_squares_of_its_own(index, square):
    G = painter()
    silent([*(paint for i, paint in enumerate(G.paints) if i != index), G.conv])
    image = G(torch.randn(2, 10, dtype=torch.float64))
    corners = image[..., ::square, ::square]
    filled = corners.repeat_interleave(square, 2).repeat_interleave(square, 3)
    assert torch.equal(image, filled)
    assert len(corners.unique()) > corners[0, 0].numel()


def test_the_colours_of_all_sizes_are_summed_before_the_tanh():
    G = painter()
    z = torch.randn(2, 10, dtype=torch.float64)
    whole = G(z).atanh()
    parts = []
    layers = [*G.paints, G.conv]
    kept = [{k: v.clone() for k, v in layer.state_dict().items()} for layer in layers]
    for index in range(len(layers)):
        silent(layers)
        layers[index].load_state_dict(kept[index])
        parts.append(G(z).atanh())
    torch.testing.assert_close(sum(parts), whole)
