import pytest
import torch
from torch import nn

from sparsegan.nets.dcgan import DCGANDiscriminator, DCGANGenerator


def weights(module, *kinds):
    return [m for m in module.modules() if isinstance(m, kinds)]


def test_widths_of_the_32_pixel_pair_are_those_of_the_table():
    G, D = DCGANGenerator(image_size=32), DCGANDiscriminator(image_size=32)
    assert G.linear.out_features == 512 * 4 * 4
    up = weights(G, nn.ConvTranspose2d)
    assert [(c.in_channels, c.out_channels) for c in up] == [(512, 256), (256, 128), (128, 64)]
    down = weights(D, nn.Conv2d)
    assert [(c.in_channels, c.out_channels) for c in down] == [(3, 64), (64, 128), (128, 256)]
    assert D.linear.in_features == 256 * 4 * 4


@pytest.mark.parametrize(("image_size", "stages"), [(28, 2), (32, 3), (48, 3), (64, 4)])
def test_weight_counts_have_a_closed_form(image_size, stages):
    w, channels, latent, start = 4, 1, 10, image_size >> stages
    G = DCGANGenerator(image_size=image_size, channels=channels, width=w, latent_dim=latent)
    D = DCGANDiscriminator(image_size=image_size, channels=channels, width=w)
    first = w << stages
    up = sum(16 * (first >> i) * (first >> i + 1) for i in range(stages))
    expected = latent * first * start**2 + up + 9 * w * channels
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    assert sum(m.weight.numel() for m in weights(G, *kinds)) == expected
    down = sum(16 * (w << i) * (w << i + 1) for i in range(stages - 1))
    expected = 16 * channels * w + down + (w << stages - 1) * start**2
    assert sum(m.weight.numel() for m in weights(D, *kinds)) == expected


@pytest.mark.parametrize(("image_size", "widest"), [(128, 2), (256, 3)])
def test_large_images_have_more_stages_and_no_wider_layers(image_size, widest):
    G = DCGANGenerator(image_size=image_size, width=2, latent_dim=3).eval()
    D = DCGANDiscriminator(image_size=image_size, width=2).eval()
    up = [c.in_channels for c in weights(G, nn.ConvTranspose2d)]
    assert up == [32] * widest + [16, 8, 4]
    down = [c.out_channels for c in weights(D, nn.Conv2d)]
    assert down == [2, 4, 8, 16] + [32] * (widest - 1)
    images = G(torch.randn(2, 3))
    assert images.shape == (2, 3, image_size, image_size)
    assert D(images).shape == (2,)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_scores_do_not_depend_on_the_memory_format(memory_format):
    D = DCGANDiscriminator(image_size=28, channels=3, width=4).double().eval()
    x = torch.randn(2, 3, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(D(x.to(memory_format=memory_format)), D(x))
