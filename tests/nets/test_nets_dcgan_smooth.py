import torch
from torch import nn

from sparsegan import cost
from sparsegan.nets.dcgan import DCGANGenerator
from sparsegan.nets.dcgan_smooth import DCGANSmoothGenerator

SHAPE = {"image_size": 32, "width": 4, "latent_dim": 10}


def test_a_chessboard_is_taken_away_and_flat_maps_stay():
    smooth = DCGANSmoothGenerator(**SHAPE).stages[0].smooth
    row = torch.arange(8)
    chessboard = (row[:, None] + row) % 2 * 2.0 - 1
    stripes = (row % 2 * 2.0 - 1).expand(8, 8)
    flat = torch.full((8, 8), 3.0)
    maps = torch.stack([chessboard, stripes, stripes.T, flat]).repeat(4, 1, 1)[None]
    inner = smooth(maps)[0, :, 1:-1, 1:-1].reshape(4, 4, -1)
    torch.testing.assert_close(inner[:, :3], torch.zeros(4, 3, 36))
    torch.testing.assert_close(inner[:, 3], torch.full((4, 36), 3.0))


def test_it_has_the_weights_of_dcgan_and_filters_behind_every_stage():
    smooth, plain = DCGANSmoothGenerator(**SHAPE), DCGANGenerator(**SHAPE)
    smooth.load_state_dict(plain.state_dict())
    z = torch.randn(2, 10)
    smooth.eval(), plain.eval()
    assert not torch.equal(smooth(z), plain(z))
    for stage in smooth.stages:
        stage.smooth = nn.Identity()
    assert torch.equal(smooth(z), plain(z))


def test_the_filters_are_counted():
    z = torch.randn(1, 10)
    smooth, plain = (
        sum(layer.macs for layer in cost.layers(generator(**SHAPE), z))
        for generator in (DCGANSmoothGenerator, DCGANGenerator)
    )
    assert smooth - plain == 9 * (16 * 8**2 + 8 * 16**2 + 4 * 32**2)
