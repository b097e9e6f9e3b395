"""A network is timed as a whole, and left as it was."""

import torch
from torch import nn

from sparsegan.engine.attach import NativeForward
from sparsegan.engine.network_timing import described, time_network
from sparsegan.sparsity import Masks


def attached():
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)
    )
    masks = Masks(network, 0.2)
    return network, masks, NativeForward(network, masks, lambda: False)


def test_the_network_and_its_gradients_are_left_as_they_were():
    network, _, native = attached()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seconds = time_network(network, native, (torch.randn(4, 2, 6, 6),), {})
    assert seconds.shape == (4,)
    assert seconds.dtype == torch.float64
    assert bool((seconds[:2] > 0).all())
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_seconds_depend_on_is_told_apart():
    network, masks, _ = attached()
    x = torch.randn(4, 2, 6, 6)
    table = described(network, masks, (x,))
    assert table == described(network, masks, (torch.randn_like(x),))
    assert table != described(network, masks, (x[:2],))
    other = Masks(attached()[0], 0.3)
    assert table != described(network, other, (x,))
