"""The first inputs of both networks are kept, and the networks left alone."""

import pytest
import torch
from torch import nn

import sparsegan
from sparsegan import cost
from sparsegan.api.forwards import Forwards
from sparsegan.errors import SparseganError
from toy_gan import ToyGan


def test_costs_and_shapes_are_those_of_the_first_inputs():
    gan = ToyGan()
    method = sparsegan.Dense(*gan.parts, steps=10)
    forwards = Forwards(method)
    before = len(gan.G._forward_pre_hooks), len(gan.D._forward_pre_hooks)
    with pytest.raises(SparseganError, match="no forward of the generator has been seen"):
        forwards.costs()
    gan.D(gan.G(torch.randn(5, 6)))
    assert forwards.batch_size == 5
    assert forwards.shape() == {"latent_dim": 6, "image_size": 8, "channels": 1}
    expected = {"generator": cost.layers(gan.G, gan.noise()),
                "discriminator": cost.layers(gan.D, gan.real())}  # fmt: skip
    assert forwards.costs() == expected
    after = len(gan.G._forward_pre_hooks), len(gan.D._forward_pre_hooks)
    assert after == (before[0] - 1, before[1] - 1)


def test_closed_early_it_takes_its_hooks_off():
    gan = ToyGan()
    method = sparsegan.Dense(*gan.parts, steps=10)
    before = len(gan.G._forward_pre_hooks)
    Forwards(method).close()
    assert len(gan.G._forward_pre_hooks) == before


class Labelled(nn.Module):
    """A network that is called by names alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *, y, values):
        return self.network(values) * y.view(-1, *[1] * (self.network(values).dim() - 1))


def test_what_is_called_by_names_is_seen_by_names():
    gan = ToyGan()
    G, D = Labelled(gan.G), Labelled(gan.D)
    params = [torch.optim.Adam(network.parameters()) for network in (G, D)]
    forwards = Forwards(sparsegan.Dense(G, D, *params, steps=10))
    y = torch.ones(5)
    D(values=G(y=y, values=torch.randn(5, 6)), y=y)
    seen = forwards.costs()
    assert forwards.batch_size == 5
    macs = [sum(layer.macs for layer in layers) for layers in seen.values()]
    inputs = gan.noise(), gan.real()
    networks = zip((gan.G, gan.D), inputs, strict=True)
    # Each forward calls the inner network twice.
    assert macs == [
        2 * sum(layer.macs for layer in cost.layers(network, x)) for network, x in networks
    ]
