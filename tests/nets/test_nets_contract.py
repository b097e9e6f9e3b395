"""Foreign networks are used as they are where they can be, and refused with both shapes if not."""

import logging

import pytest
import torch
from torch import nn

import foreign
from sparsegan.errors import SparseganError
from sparsegan.nets import contract


def _adopt(network, latent_dim=None, image=(3, 16, 16), classes=None):
    contract.adopt_generator(network, "Net", latent_dim, image, classes)
    return network


def _score(network, image=(3, 16, 16)):
    contract.adopt_discriminator(network, "Net", image, None)
    return network


def _scores(make):
    """A discriminator whose scores are `make` of one number per image."""

    class Scores(nn.Linear):
        def forward(self, x):
            return make(super().forward(x.flatten(1)))

    return Scores(3 * 16 * 16, 1)


def test_noise_as_a_map_is_made_of_flat_noise():
    G = foreign.TutorialGenerator()
    z = torch.randn(5, foreign.nz)
    expected = G.eval()(z[:, :, None, None])
    assert torch.equal(_adopt(G, foreign.nz)(z), expected)
    assert torch.equal(G(z[:, :, None, None]), expected)
    assert G.latent_dim == foreign.nz


def test_adopting_leaves_no_trace():
    G = foreign.TutorialGenerator()
    before = {key: value.clone() for key, value in G.state_dict().items()}
    _adopt(G, foreign.nz)
    assert all(torch.equal(before[key], value) for key, value in G.state_dict().items())
    assert G.training
    assert all(parameter.grad is None for parameter in G.parameters())


@pytest.mark.parametrize("attribute", contract.LATENT_DIM)
def test_the_length_of_the_noise_is_read_from_its_attribute(attribute):
    G = foreign.TutorialGenerator()
    setattr(G, attribute, foreign.nz)
    assert _adopt(G).latent_dim == foreign.nz
    other = foreign.TutorialGenerator()
    setattr(other, attribute, foreign.nz)
    with pytest.raises(SparseganError, match=f"latent_dim is 9 and Net has {attribute} 12"):
        _adopt(other, 9)


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (foreign.TutorialGenerator, {}, "does not say .* takes 12"),
        (foreign.TutorialGenerator, {"latent_dim": 9}, r"\(2, 9\) .* nor \(2, 9, 1, 1\).*takes 12"),
        (
            foreign.TutorialGenerator,
            {"latent_dim": 12, "image": (3, 32, 32)},
            r"\(3, 16, 16\) and those of the data are \(3, 32, 32\): set data.image_size 16$",
        ),
        (
            foreign.TutorialGenerator,
            {"latent_dim": 12, "image": (1, 16, 16)},
            r"\(3, 16, 16\) and those of the data are \(1, 16, 16\): set data.channels 3$",
        ),
        (lambda: nn.Linear(4, 4), {"latent_dim": 4}, r"\(4,\) .*let it make such"),
        (
            lambda: nn.Sequential(*foreign.TutorialGenerator().main[:-1], nn.Sigmoid()),
            {"latent_dim": 12},
            "black at -1: let it end in nn.Tanh",
        ),
    ],
)
def test_a_generator_that_does_not_fit_is_refused(make, settings, says):
    with pytest.raises(SparseganError, match=says):
        _adopt(make(), **settings)


def test_a_name_that_means_something_else_is_refused():
    G = foreign.Called()
    G.classes = ["cat", "dog"]
    with pytest.raises(SparseganError, match=r"attribute classes that is .*'cat'"):
        _adopt(G, image=(1, 8, 8))


def test_values_beyond_the_range_are_said_once(caplog):
    G = foreign.TutorialGenerator()
    del G.main[-1]
    nn.init.normal_(G.main[-1].weight, std=3)
    with caplog.at_level(logging.WARNING, "sparsegan"):
        _adopt(G, foreign.nz)
        _adopt(G, foreign.nz)
    assert [record.message.count("nn.Tanh") for record in caplog.records] == [1]


@pytest.mark.parametrize(
    "make",
    [
        lambda s: s,
        lambda s: s.squeeze(1),
        lambda s: s[:, :, None, None],
        lambda s: s[:, :, None, None].expand(-1, 1, 3, 3),
        lambda s: s[:, :, None].expand(-1, 3, 3),
    ],
)
def test_scores_for_each_image_or_patch_are_taken(make):
    _score(_scores(make))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda s: s.mean(), r"shape \(\) for 2 images of shape \(3, 16, 16\)"),
        (lambda s: s.expand(-1, 9).reshape(-1), r"\(18,\) for 2 images"),
        (lambda s: s.expand(-1, 9), r"\(2, 9\) for 2 images"),
        (lambda s: (s, s), "a tuple: it has to give one tensor"),
        (lambda s: s.detach(), "without a gradient"),
        (lambda s: torch.sigmoid(s), "ends in a sigmoid: leave it out"),
        (lambda s: torch.sigmoid(s[:, :, None, None]).view(-1, 1).squeeze(1), "ends in a sigmoid"),
    ],
)
def test_scores_that_are_none_are_refused(make, says):
    with pytest.raises(SparseganError, match=says):
        _score(_scores(make))


class _Grain(nn.Module):
    """Noise of a layer's own that is no module of PyTorch's."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x) if self.training else x


@pytest.mark.parametrize("noise", [nn.Dropout(0.3), nn.Dropout2d(0.1), _Grain()])
def test_scores_with_noise_of_their_own_are_none_to_take_differences_of(noise):
    quiet = foreign.critic()
    contract.require_steady(quiet, "Net", (3, 16, 16), None)
    noisy = nn.Sequential(nn.Conv2d(3, 3, 1), noise, quiet)
    _score(noisy)
    random, before = torch.get_rng_state(), {k: v.clone() for k, v in noisy.state_dict().items()}
    with pytest.raises(SparseganError, match=r"Net scores an image differently .* loss\.r1"):
        contract.require_steady(noisy, "Net", (3, 16, 16), None)
    assert all(torch.equal(before[key], value) for key, value in noisy.state_dict().items())
    assert noisy.training
    assert torch.equal(torch.get_rng_state()[-8:], random[-8:])


def test_statistics_of_the_batch_are_no_noise():
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(1))
    _score(critic)
    contract.require_steady(critic, "Net", (3, 16, 16), None)


def test_a_discriminator_of_another_size_is_refused():
    with pytest.raises(SparseganError, match=r"no images of shape \(2, 3, 8, 8\).*image_size"):
        _score(foreign.critic(), (3, 8, 8))
    with pytest.raises(SparseganError, match=r"\(2, 1, 5, 5\)|patch") as refusal:
        _score(nn.Sequential(foreign.critic(), nn.Flatten(0)), (3, 32, 32))
    assert "(50,)" in str(refusal.value)


class _Ending(nn.Module):
    """A generator whose last layer has a large positive bias, so that its draws are bright."""

    latent_dim = 4

    def __init__(self, ending, layer=nn.Linear):
        super().__init__()
        self.last, self.ending = layer(4, 3 * 16 * 16), ending
        for name, parameter in self.last.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(parameter, 5.0)

    def forward(self, z):
        return self.ending(self.last(z)).view(-1, 3, 16, 16)


def _spectral(inputs, outputs):
    return nn.utils.parametrizations.spectral_norm(nn.Linear(inputs, outputs))


def _standardised(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs))


@pytest.mark.parametrize(
    "ending",
    [
        torch.tanh,
        nn.Tanh(),
        lambda x: 2 * torch.sigmoid(x) - 1,
        lambda x: x.clamp(-1, 1),
        nn.Hardtanh(),
        nn.Softsign(),
        torch.sin,
        lambda x: x,
        lambda x: torch.tanh(x).clone().flatten(1),
    ],
)
@pytest.mark.parametrize("layer", [nn.Linear, _spectral, _standardised])
def test_bright_draws_of_fresh_weights_are_no_reason_to_refuse(ending, layer):
    network = _Ending(ending, layer)
    before = [parameter.clone() for parameter in network.parameters()]
    _adopt(network)
    assert all(map(torch.equal, before, network.parameters()))


@pytest.mark.parametrize(
    "ending",
    [
        torch.sigmoid,
        nn.Sigmoid(),
        nn.ReLU(),
        nn.Softplus(),
        lambda x: (torch.tanh(x) + 1) / 2,
        lambda x: x.clamp(0, 1),
        lambda x: 1 / (1 + torch.exp(-x)),
        lambda x: 255 * torch.sigmoid(x),
        torch.abs,
        lambda x: x.softmax(1),
    ],
)
@pytest.mark.parametrize("layer", [nn.Linear, _spectral, _standardised])
def test_images_that_are_never_dark_are_refused(ending, layer):
    with pytest.raises(SparseganError, match=r"makes images in .* end in nn\.Tanh"):
        _adopt(_Ending(ending, layer))
