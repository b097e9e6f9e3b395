"""What is known of modules without running them."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from sparsegan.modules import WEIGHTED, own_forward, weight_shape

LAYERS = [
    nn.Linear(3, 4),
    nn.Conv1d(6, 4, 2, groups=2),
    nn.Conv2d(3, 4, (2, 5)),
    nn.Conv3d(3, 4, 2),
    nn.ConvTranspose1d(3, 4, 2),
    nn.ConvTranspose2d(6, 4, (2, 3), groups=2),
    nn.ConvTranspose3d(3, 4, 2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_weights_shape_is_known_and_its_parametrisation_does_not_run(layer):
    assert isinstance(layer, WEIGHTED)
    shape = tuple(layer.weight.shape)
    assert weight_shape(layer) == shape
    under = parametrizations.spectral_norm(copy.deepcopy(layer))
    vectors = [buffer.clone() for buffer in under.buffers()]
    assert weight_shape(under) == shape
    assert all(map(torch.equal, under.buffers(), vectors))


def test_other_layers_have_the_shape_of_their_weight_or_none():
    assert weight_shape(nn.BatchNorm2d(5)) == (5,)
    assert weight_shape(nn.ReLU()) == ()


def test_the_forward_of_the_class_is_there_whatever_stands_in_its_place():
    layer = nn.Linear(3, 4)
    layer.forward = lambda x: x
    x = torch.randn(2, 3)
    assert torch.equal(own_forward(layer)(x), nn.functional.linear(x, layer.weight, layer.bias))
