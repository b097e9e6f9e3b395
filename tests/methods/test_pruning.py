"""What pruning methods share: targets, what is known ahead, and who is warned of."""

import pytest
from torch import nn

from sparsegan import Gmp, Prune
from sparsegan.methods.pruning import PruningSettings
from sparsegan.methods.settings import Scheduled
from toy_gan import ToyGan


@pytest.mark.parametrize(
    ("settings", "targets"),
    [
        ({}, {"generator": 0.1}),
        ({"discriminator_density": 0.3}, {"generator": 0.1, "discriminator": 0.3}),
        ({"generator_density": 1.0, "discriminator_density": 1}, {}),
        ({"generator_density": 1, "discriminator_density": 0.5}, {"discriminator": 0.5}),
    ],
)
def test_networks_with_a_density_below_1_are_to_lose_weights(settings, targets):
    assert PruningSettings(**settings).targets() == targets


def test_a_network_begins_dense_and_its_lowest_density_is_known():
    settings = Prune.Settings(generator_density=0.2, discriminator_density=0.5)
    assert settings.densities() == (1.0, 1.0)
    assert settings.sparsest(30) == {"generator": 0.2, "discriminator": 0.5}


def test_moves_are_looked_up_by_their_step():
    method = Gmp(*ToyGan().parts, steps=20, interval=5, generator_density=0.2)
    assert [step for step in range(21) if method.scheduled(step)] == [7, 12, 16]
    assert method.scheduled(16) == [Scheduled(16, "generator", 0.2)]


def test_a_network_that_is_going_to_be_sparse_is_looked_at_as_if_it_were():
    linear = lambda name, module: isinstance(module, nn.Linear)  # noqa: E731
    method = Prune(*ToyGan().parts, steps=20, include=linear)  # a small part of both networks
    assert any("generator" in warning for warning in method.inspection.warnings)
    assert not any("discriminator" in warning for warning in method.inspection.warnings)
