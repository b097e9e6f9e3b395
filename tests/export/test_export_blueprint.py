from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan.errors import SparseganError
from sparsegan.export.blueprint import Blueprint, fold

DCGAN = Blueprint("dcgan", 28, 1, width=4, latent_dim=16)


def test_it_builds_the_generator_without_memory():
    generator = DCGAN.build()
    assert (generator.latent_dim, generator.image_size, generator.channels) == (16, 28, 1)
    assert {tensor.device.type for tensor in generator.state_dict().values()} == {"meta"}
    assert Blueprint(**DCGAN.as_json()) == DCGAN


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"width": 0}, "width is 0"),
        ({"width": 2**40}, "width is 1099511627776"),
        ({"width": 2.0}, "width is 2.0"),
        ({"channels": True}, "channels is True"),
        ({"latent_dim": None}, "latent_dim is None"),
        ({"classes": 10}, "dcgan does not go with classes 10"),
        ({"network": "biggan", "image_size": 32}, "biggan does not go with classes None"),
        ({"network": "dcgna"}, "did you mean 'dcgan'"),
        ({"image_size": 29}, "29 pixels"),
        ({"width": 60_000}, "too large"),
    ],
)
def test_what_is_no_generator_is_refused(changed, sentence):
    with pytest.raises(SparseganError, match=sentence):
        replace(DCGAN, **changed).build()


def test_a_generator_of_ones_own_is_built_by_whom_the_caller_names():
    blueprint = Blueprint("foreign:Called", 6, 3, width=None, latent_dim=9)
    assert Blueprint(**blueprint.as_json()) == blueprint
    assert blueprint.build("foreign:Called").arguments == (9, 6, 3, 2)
    with pytest.raises(SparseganError, match="no architecture 'foreign:Called'"):
        blueprint.build()


@pytest.mark.parametrize("form", [spectral_norm, nn.utils.spectral_norm])
def test_folding_keeps_the_function_and_leaves_plain_layers(form):
    torch.manual_seed(1)
    network = nn.Sequential(form(nn.Conv2d(2, 3, 3)), form(nn.Linear(5, 4)))
    network.eval()
    x = torch.randn(2, 2, 7, 7)
    before = network(x)
    fold(network)
    assert sorted(network.state_dict()) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    assert torch.equal(network(x), before)
