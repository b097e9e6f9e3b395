import itertools

import pytest
import torch
from torch import nn

import sparsegan
from sparsegan import nets
from sparsegan.draw.sampling import sampled, to_uint8
from sparsegan.draw.walk import class_morph, latent_walk, spherical
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream


class Plain(nn.Module):
    """Shows its noise: every pixel is an entry of it."""

    latent_dim, classes = 16, None

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, z):
        return (self.scale * z).view(-1, 1, 4, 4)


class Conditional(nn.Module):
    """Shows what it looks up by class."""

    latent_dim, classes = 2, 3

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(3, 4)
        with torch.no_grad():
            self.table.weight.copy_(torch.tensor([-0.8, 0.0, 0.8])[:, None].expand(3, 4))

    def forward(self, z, labels):
        return self.table(labels).view(-1, 1, 2, 2) + 0 * z.sum()


class OneHot(Conditional):
    def forward(self, z, labels):
        return nn.functional.one_hot(labels, 3).float()[:, None, None, :] + self.table.weight.sum()


def test_on_the_sphere_angles_and_lengths_go_evenly():
    torch.manual_seed(0)
    a, b = torch.randn(5, 64, dtype=torch.double), torch.randn(5, 64, dtype=torch.double)
    positions = [spherical(a, b, step / 8) for step in range(9)]
    torch.testing.assert_close(positions[0], a)
    torch.testing.assert_close(positions[-1], b)
    cosine = nn.functional.cosine_similarity
    angles = torch.stack([cosine(x, y).acos() for x, y in itertools.pairwise(positions)])
    torch.testing.assert_close(angles, angles[:1].expand_as(angles))
    lengths = torch.stack([position.norm(dim=-1) for position in positions])
    expected = torch.linspace(0, 1, 9, dtype=torch.double)[:, None]
    torch.testing.assert_close(lengths, torch.lerp(lengths[0], lengths[-1], expected))


def test_between_equal_directions_there_is_no_division_by_nothing():
    a = torch.ones(1, 3)
    torch.testing.assert_close(spherical(a, 2 * a, 0.5), 1.5 * a)


def test_a_walk_ends_where_it_begins_without_a_seam():
    images = latent_walk(Plain(), 3, frames=40, stops=4, seed=1)
    assert images.shape == (40, 3, 1, 4, 4)
    values = images.float()
    steps = (values - values.roll(1, 0)).abs().mean((1, 2, 3, 4))
    # The step from the last frame to the first is one like those of its leg.
    assert steps[0] == pytest.approx(float(steps[31:].mean()), rel=0.15)
    # And at a stop the walk is where that noise is, whatever the number of frames.
    again = latent_walk(Plain(), 3, frames=8, stops=4, seed=1)
    for stop in range(4):
        assert torch.equal(images[10 * stop], again[2 * stop])
    assert not torch.equal(images, latent_walk(Plain(), 3, frames=40, stops=4, seed=2))


def test_a_morph_is_between_its_classes_and_leaves_no_trace():
    generator = Conditional()
    images = class_morph(generator, 2, frames=8, labels=[0, 2], seed=0).float().mean((1, 2, 3, 4))
    expected = 127.5 + 127.5 * torch.tensor([-0.8, -0.4, 0.0, 0.4, 0.8, 0.4, 0.0, -0.4])
    torch.testing.assert_close(images, expected, atol=1, rtol=0)
    assert not generator.table._forward_hooks


@pytest.mark.parametrize("engine", ["masked", "auto"])
def test_a_class_conditional_network_morphs_whatever_kernels_run(engine):
    torch.manual_seed(0)
    G, D = nets.build(
        "biggan", image_size=32, channels=1, classes=3, generator_width=4, discriminator_width=4
    )
    optimisers = [torch.optim.Adam(net.parameters()) for net in (G, D)]
    method = sparsegan.Static(
        G, D, *optimisers, steps=1, generator_density=0.5, discriminator_density=0.5, engine=engine
    )
    with sampled(method, bn="stored", weights="live") as generator:
        morph = class_morph(generator, 2, frames=6, labels=[0, 2], seed=0)
        z = stream_noise(2, generator.latent_dim)
        for frame, label in ((0, 0), (3, 2)):
            expected = to_uint8(generator(z, torch.full((2,), label)))
            assert (morph[frame].int() - expected.int()).abs().max() <= 1
        between = morph[1].float()
    ends = morph[0].float(), morph[3].float()
    assert all((between - end).abs().max() > 1 for end in ends)


def stream_noise(count, length):
    return torch.randn((count, length), generator=stream(0, "walk", 0))


def test_what_has_nothing_between_two_classes_is_refused():
    with pytest.raises(SparseganError, match="nothing between two of them"):
        class_morph(OneHot(), 1, frames=2, labels=[0, 1], seed=0)
