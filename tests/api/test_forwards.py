"""The first inputs of both networks are kept, and the networks left alone."""

import pytest
import torch

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
