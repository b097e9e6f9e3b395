import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from kernel_calls import kernel_calls
from sparsegan import engine
from sparsegan.engine.attach import NativeForward
from sparsegan.engine.spectral import denativize, nativize
from sparsegan.sparsity import Masks
from sparsegan.torch_private import SpectralNorm

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

LAYERS = {
    "convolution": lambda n: spectral_norm(nn.Conv2d(3, 5, 3), n_power_iterations=n),
    "a point": lambda n: spectral_norm(nn.Conv2d(3, 1, 1), n_power_iterations=n),
    "linear": lambda n: spectral_norm(nn.Linear(3 * 36, 7), n_power_iterations=n),
    "transposed": lambda n: spectral_norm(nn.ConvTranspose2d(3, 4, 4), n_power_iterations=n),
}


class Net(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.flatten(1) if isinstance(self.layer, nn.Linear) else x)


def pair(name, iterations=1, density=1.0):
    """A network on native kernels, and PyTorch's own in float64."""
    torch.manual_seed(0)
    network = Net(LAYERS[name](iterations))
    masks = Masks(network, density, "uniform")
    wide = copy.deepcopy(network).double()
    attached = NativeForward(network, masks, lambda: True)
    attached.on = True
    return network, wide, attached


def normalisation(network):
    return network.layer.parametrizations.weight[0]


def original(network):
    return network.layer.parametrizations.weight.original


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_weights_vectors_and_gradients_are_those_of_pytorch(name, iterations, training):
    networks = pair(name, iterations)[:2]
    for step in range(3):
        x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(step))
        results = []
        for network in networks:
            network.train(training)
            weight = original(network)
            with kernel_calls() as calls:
                y = network(x.to(weight.dtype))
            assert calls["spectral"] == (network is networks[0] and name != "transposed")
            (g,) = torch.autograd.grad(y.square().sum(), weight, retain_graph=True)
            (first,) = torch.autograd.grad(y.square().sum(), weight, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), weight)
            vectors = (normalisation(network)._u, normalisation(network)._v)
            results.append([y.detach(), g, first.detach(), second, *(v.clone() for v in vectors)])
            with torch.no_grad():
                weight.sub_(0.01 * g)
        for a, b in zip(*results, strict=True):
            assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6


def test_a_backward_sees_the_vectors_of_its_own_forward():
    network, wide, _ = pair("convolution")
    x = torch.randn(2, 3, 6, 6)
    gradients = []
    for net, inputs in ((network, x), (wide, x.double())):
        first = net(inputs)
        net(2 * inputs)  # moves the vectors once more
        gradients.append(torch.autograd.grad(first.square().sum(), original(net))[0])
    assert (gradients[0] - gradients[1]).norm() <= 1e-5 * gradients[1].norm()


def test_elsewhere_it_is_pytorchs_own():
    network, _, attached = pair("convolution")
    x = torch.randn(2, 3, 6, 6)
    with kernel_calls() as calls:
        network.layer.weight.sum().backward()  # outside of the network's forward
        network.double()(x.double())
        network.float()
        attached.on = False
        network(x)
    assert not calls["spectral"]
    attached.detach()
    assert type(normalisation(network)) is SpectralNorm


def test_only_pytorchs_class_itself_is_replaced_and_given_back():
    class Own(SpectralNorm):
        pass

    plain, own = (kind(torch.randn(4, 3)) for kind in (SpectralNorm, Own))
    for module in (plain, own):
        nativize(module)
    assert type(plain) is not SpectralNorm
    assert type(plain).__name__ == SpectralNorm.__name__
    assert type(own) is Own
    for module in (plain, own):
        denativize(module)
    assert type(plain) is SpectralNorm
    assert type(own) is Own


def test_a_masked_network_in_its_own_forward_is_right():
    network, wide, _ = pair("convolution", density=0.5)
    x = torch.randn(2, 3, 6, 6)
    assert (network(x) - wide(x.double())).norm() <= 1e-5 * wide(x.double()).norm()


def test_copies_and_pickled_states_are_usable():
    network, _, attached = pair("convolution")
    x = torch.randn(2, 3, 6, 6)
    network.eval()
    attached.on = False
    wanted = network(x)
    twin = copy.deepcopy(network)
    torch.testing.assert_close(twin(x), wanted, rtol=1e-4, atol=1e-5)
    state = pickle.loads(pickle.dumps(network.state_dict()))
    attached.detach()
    fresh = Net(spectral_norm(nn.Conv2d(3, 5, 3)))
    fresh.load_state_dict(state)
    torch.testing.assert_close(fresh.eval()(x), wanted, rtol=1e-4, atol=1e-5)
