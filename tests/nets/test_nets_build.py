import pytest
import torch

from sparsegan import nets
from sparsegan.errors import SparseganError

PAIRS = [("sngan", 32), ("dcgan", 28), ("dcgan", 32), ("dcgan", 64)]


def small(name, image_size, channels=3):
    torch.manual_seed(0)
    return nets.build(
        name,
        image_size=image_size,
        channels=channels,
        generator_width=4,
        discriminator_width=4,
        latent_dim=16,
    )


@pytest.mark.parametrize(("name", "image_size"), PAIRS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_range_in_float64(name, image_size, channels):
    G, D = small(name, image_size, channels)
    G.double(), D.double()
    images = G(torch.randn(5, G.latent_dim, dtype=torch.float64))
    assert (G.latent_dim, G.image_size, G.channels) == (16, image_size, channels)
    assert images.shape == (5, channels, image_size, image_size)
    assert images.dtype == torch.float64
    assert images.abs().max() <= 1
    assert images.std() > 0
    scores = D(images)
    assert scores.shape == (5,)
    assert scores.dtype == torch.float64
    assert D(images[:1]).shape == (1,)


@pytest.mark.parametrize(("name", "image_size"), PAIRS)
def test_one_step_of_each_network_moves_every_parameter(name, image_size):
    G, D = small(name, image_size)
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9))
    real = torch.rand(6, 3, image_size, image_size) * 2 - 1

    before = {name: p.detach().clone() for name, p in D.named_parameters()}
    fake = G(torch.randn(6, 16)).detach()
    loss = torch.relu(1 - D(real)).mean() + torch.relu(1 + D(fake)).mean()
    loss.backward()
    opt_D.step()
    assert loss.isfinite()
    # A bias of the scores themselves has no gradient while all samples are within the margin.
    silent = {n for n, p in D.named_parameters() if p.equal(before[n])}
    assert silent <= {"linear.bias"}

    before = {name: p.detach().clone() for name, p in G.named_parameters()}
    loss = -D(G(torch.randn(6, 16))).mean()
    loss.backward()
    opt_G.step()
    assert loss.isfinite()
    # The published up-blocks have a bias that the batch normalisation after it takes away.
    silent = {n for n, p in G.named_parameters() if p.equal(before[n])}
    assert silent <= {f"block{i}.conv1.bias" for i in (1, 2, 3)}
    for p in (*G.parameters(), *D.parameters()):
        assert p.isfinite().all()
        assert p.grad.isfinite().all()


def test_none_is_the_published_width():
    G, D = nets.build("sngan", image_size=32, channels=3)
    assert G.linear.weight.shape == (4 * 4 * 256, 128)
    assert D.linear.in_features == 128


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(SparseganError, match="did you mean 'sngan'"):
        nets.build("sngen", image_size=32, channels=3)


def test_an_unknown_size_is_told_the_sizes_and_who_else_has_it():
    with pytest.raises(SparseganError, match="choose image_size 32 or the architecture dcgan"):
        nets.build("sngan", image_size=64, channels=3)
    with pytest.raises(SparseganError, match=r"choose image_size 28 or 32 or 64$"):
        nets.build("dcgan", image_size=48, channels=3)


@pytest.mark.parametrize(
    "setting", ["channels", "generator_width", "discriminator_width", "latent_dim"]
)
def test_a_count_below_one_is_named(setting):
    settings = {"image_size": 32, "channels": 3, setting: 0}
    with pytest.raises(SparseganError, match=f"{setting} is 0"):
        nets.build("dcgan", **settings)
