"""What a method tells of its networks: at once where it can, and once."""

import logging

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import toy_gan
from sparsegan import Adapt, Dense, Static
from sparsegan.methods.inspection import quiet

SETTINGS = {"steps": 4000, "balance_every": 2, "balance_window": 2}


class Standardised(nn.Conv2d):
    """A convolution that takes its weight's mean away."""

    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean(), self.bias, padding=1)


class Styled(nn.Conv2d):
    """The same, and with a second argument, so that it cannot be called by itself."""

    def forward(self, x, style):
        return F.conv2d(x * style, self.weight - self.weight.mean(), self.bias, padding=1)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(toy_gan.LATENT, 64)
        self.standardised, self.styled = Standardised(1, 2, 3), Styled(2, 2, 3)
        self.last = nn.Conv2d(2, 1, 1)

    def forward(self, z):
        h = self.standardised(self.first(z).view(-1, 1, 8, 8)).relu()
        return torch.tanh(self.last(self.styled(h, 2.0)))


class Gan(toy_gan.ToyGan):
    def __init__(self, G=None, D=None):
        super().__init__()
        self.G, self.D = G or self.G, D or self.D
        self.opt_G = torch.optim.Adam(self.G.parameters(), lr=0.01)
        self.opt_D = torch.optim.Adam(self.D.parameters(), lr=0.01)


def recurrent():
    """A generator that is a GRU, but for its last layer."""

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(toy_gan.LATENT, 16), nn.Linear(16, 64)

        def forward(self, z):
            return self.out(self.rnn(z)[0]).view(-1, 1, 8, 8)

    return Recurrent()


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, logger="sparsegan")
    return lambda level: [r.getMessage() for r in caplog.records if r.levelno == level]


def test_masks_that_take_little_are_warned_of_and_all_are_told(messages):
    method = Adapt(*Gan(recurrent()).parts, generator_density=0.1, **SETTINGS)
    [warning] = messages(logging.WARNING)
    assert [warning] == method.inspection.warnings
    assert "generator: masked layers hold 46% of its" in warning
    assert "rnn.weight_hh_l0 (768)" in warning
    assert "GRU is not masked" in warning
    assert [line.split(":")[0] for line in messages(logging.INFO)] == ["generator", "discriminator"]
    coverage = method.inspection.coverage["generator"]
    assert coverage.masked == method.generator.masks.total == 1024


def test_networks_of_layers_that_are_masked_have_no_warnings(messages):
    gan = toy_gan.ToyGan(spectral_norm="parametrized")
    method = Adapt(*gan.parts, generator_density=0.1, **SETTINGS)
    gan.run(method, 4)
    assert not messages(logging.WARNING)
    assert not method.inspection.once([])


@pytest.mark.parametrize(
    ("method", "settings", "warned"),
    [
        (Dense, {}, []),
        (Static, {"generator_density": 0.1, "discriminator_density": 1.0}, ["generator"]),
        (Adapt, {"generator_density": 1.0}, ["discriminator"]),
    ],
)
def test_of_a_network_that_stays_dense_nothing_is_to_be_warned(method, settings, warned):
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    D.table = nn.Embedding(100, 100)
    method = method(*Gan(recurrent(), D).parts, **settings, **SETTINGS)
    assert [line.split(":")[0] for line in method.inspection.warnings] == warned


def test_layers_that_fill_zeros_are_told_at_once_or_with_the_first_measurement(messages):
    gan = Gan(Generator())
    method = Static(*gan.parts, generator_density=0.3, **SETTINGS)
    [at_once] = messages(logging.WARNING)
    assert "generator: layer standardised makes its weight anew" in at_once
    assert "zeros of the mask may not be zeros of the result" in at_once
    events = gan.run(method, 6)
    said = [(event.step, warning) for event in events for warning in event.warnings]
    [(step, later)] = said
    assert step == 2
    assert "generator: layer styled makes its weight anew" in later
    assert method.inspection.filled == {
        "generator": ["standardised", "styled"],
        "discriminator": [],
    }


def test_a_resumed_run_does_not_say_it_again():
    gan = Gan(Generator())
    method = Static(*gan.parts, generator_density=0.3, **SETTINGS)
    gan.run(method, 2)
    other = Gan(Generator())
    resumed = Static(*other.parts, generator_density=0.3, **SETTINGS)
    other.load(gan.state())
    resumed.load_state_dict(method.state_dict())
    assert not [w for event in other.run(resumed, 4) for w in event.warnings]
    old = {key: value for key, value in method.state_dict().items() if key != "said"}
    resumed.load_state_dict(old)


def test_watching_changes_no_bit(monkeypatch):
    def run():
        gan = toy_gan.ToyGan(spectral_norm="legacy")
        method = Adapt(*gan.parts, generator_density=0.3, interval=3, **SETTINGS)
        return gan.run(method, 8), gan.state()

    (events, state), watch = run(), "sparsegan.methods.inspection._is_compiled"
    monkeypatch.setattr(watch, lambda module: True)  # so that nothing is watched
    unwatched, other = run()
    assert events == unwatched
    toy_gan.require_equal(state, other)


def test_a_compiled_network_is_left_alone():
    gan = Gan(Generator())
    method = Static(*gan.parts, generator_density=0.3, **SETTINGS)
    gan.G.styled.compile()  # nothing is compiled before it runs
    with method.inspection.watched():
        gan.G.last(torch.zeros(1, 2, 1, 1))
    assert not method.inspection.once([])


def test_whoever_tells_it_otherwise_may_have_it_quiet(messages):
    with quiet():
        method = Static(*Gan(Generator()).parts, generator_density=0.3, **SETTINGS)
    assert method.inspection.warnings
    assert not messages(logging.WARNING)
    Static(*Gan(Generator()).parts, generator_density=0.3, **SETTINGS)
    assert messages(logging.WARNING)
