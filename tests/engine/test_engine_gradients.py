"""Gradients of native networks are those of masked dense ones, whatever is trained and frozen."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kernel_calls import dense_convolutions, kernel_calls
from sparsegan import engine
from sparsegan.engine.attach import NativeForward
from sparsegan.nets.conditional import ConditionalNorm
from sparsegan.sparsity import Masks

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


class Net(nn.Module):
    """One convolution of what the test makes of the input, or several."""

    def __init__(self, middle):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean.normal_(0.5)
        self.norm.running_var.uniform_(0.5, 2)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)
        self.conditional = ConditionalNorm.by_class(4, 3)
        for parameter in self.conditional.parameters():
            nn.init.normal_(parameter)
        self.labels = torch.tensor([0, 2, 1, 1, 0])
        self.same = nn.Conv2d(4, 4, 3, padding=1)
        self.narrow = nn.Conv2d(4, 4, 3)
        self.wide = nn.Conv2d(4, 4, 3, padding=2)
        self.strided = nn.Conv2d(4, 4, 4, stride=2, padding=1)
        self.point = nn.Conv2d(4, 4, 1)
        self.up = nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1)
        self.middle = middle

    def forward(self, x):
        return self.middle(self, x)


def up_block(net, x):
    h = F.interpolate(F.relu(net.norm(x)), scale_factor=2)
    return net.same(h) + F.interpolate(net.point(x), scale_factor=2)


def down_block(net, x):
    return F.avg_pool2d(net.same(F.relu(x)), 2) + net.point(F.avg_pool2d(x, 2))


MIDDLES = {
    "convolved": lambda n, x: n.same(x),
    "activated": lambda n, x: n.same(F.relu(x)),
    "leaky": lambda n, x: n.same(F.leaky_relu(x, 0.2)),
    "normalised": lambda n, x: n.same(n.norm(x)),
    "normalised and activated": lambda n, x: n.same(F.relu(n.norm(x))),
    "and upsampled": lambda n, x: n.same(F.interpolate(F.relu(n.norm(x)), scale_factor=2)),
    "conditional": lambda n, x: n.same(F.relu(n.conditional(x, n.labels))),
    "conditional, upsampled": lambda n, x: n.same(
        F.interpolate(F.leaky_relu(n.conditional(x, n.labels), 0.1), scale_factor=2)
    ),
    "strided": lambda n, x: n.strided(F.relu(n.norm(x))),
    "a point": lambda n, x: n.point(F.relu(n.norm(x))),
    "no padding": lambda n, x: n.narrow(F.relu(n.norm(x))),
    "much padding": lambda n, x: n.wide(F.relu(n.norm(x))),
    "transposed": lambda n, x: n.up(F.relu(n.norm(x))),
    "an up-block": up_block,
    "a down-block": down_block,
}


class Pair:
    """A network on the native kernels, and its double in float64 on dense ones."""

    def __init__(self, name, training, dense_gradient=True):
        torch.manual_seed(0)
        self.network = Net(MIDDLES[name]).train(training)
        masks = Masks(self.network, 0.5, "uniform")
        self.masks = {f"{layer.name}.weight": masks[layer.name] for layer in masks.layers}
        self.wide = copy.deepcopy(self.network).double()
        self.dense_gradient = dense_gradient
        attached = NativeForward(self.network, masks, lambda: dense_gradient)
        attached.on = True
        with torch.no_grad():  # that knows then whether feature maps change in place
            running = copy.deepcopy(self.network.norm.state_dict())
            self.network(torch.randn(5, 4, 6, 6))
            self.network.norm.load_state_dict(running)
        self.x = torch.randn(5, 4, 6, 6)

    def compare(self, of, trained, tolerance=1e-5):
        """Asserts that ``of(y, x, parameters)`` agrees on both, where the rest is frozen."""
        results = []
        for network, x in ((self.network, self.x), (self.wide, self.x.double())):
            x = x.clone().requires_grad_("x" in trained)
            parameters = dict(network.named_parameters())
            for name, parameter in parameters.items():
                parameter.requires_grad_(name in trained)
            y = network(x)
            if not y.requires_grad:
                continue  # it does not depend on what is trained
            results.append(of(y, x, {n: p for n, p in parameters.items() if p.requires_grad}))
        if not results:
            return
        actual, wanted = results
        largest = max(float(b.norm()) for b in wanted.values() if b is not None)
        for name, b in wanted.items():
            a = actual[name]
            assert (a is None) == (b is None), name
            if b is not None:
                inactive = name in self.masks and not self.dense_gradient
                b = b * self.masks[name] if inactive else b
                assert (a - b).norm() <= tolerance * (b.norm() + largest), name


def gradients(y, x, parameters):
    """Of a weighted sum of the output; by name, of what is trained."""
    leaves = parameters | ({"x": x} if x.requires_grad else {})
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    results = torch.autograd.grad((y * weights).sum(), list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, results, strict=True))


def penalty(y, x, parameters):
    """The gradients of a gradient penalty and the loss beside it."""
    (g,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    loss = (g.flatten(1).norm(dim=1) - 1).square().mean() + y.mean()
    results = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return dict(zip(parameters, results, strict=True))


def everything(pair):
    return {"x", *(name for name, _ in pair.network.named_parameters())}


TRAINED = {
    "everything": lambda names: names,
    "all but the input": lambda names: names - {"x"},
    "the input alone": lambda names: names & {"x"},
    "weights": lambda names: {n for n in names if "norm" not in n and n.endswith("weight")},
    "weights and input": lambda names: {
        n for n in names if n == "x" or ("norm" not in n and n.endswith("weight"))
    },
    "all but weights": lambda names: {
        n for n in names if n == "x" or "norm" in n or n.endswith("bias")
    },
    "input and biases": lambda names: {
        n for n in names if n == "x" or ("norm" not in n and n.endswith("bias"))
    },
    "all but biases": lambda names: {n for n in names if "norm" in n or not n.endswith("bias")},
    "gains and shifts": lambda names: {n for n in names if "norm" in n or "conditional" in n},
}


@pytest.mark.parametrize("dense_gradient", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MIDDLES)
def test_gradients_of_what_is_trained_are_right_whatever_is_frozen(name, training, dense_gradient):
    pair = Pair(name, training, dense_gradient)
    for choose in TRAINED.values():
        pair.compare(gradients, choose(everything(pair)))


@pytest.mark.parametrize("dense_gradient", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MIDDLES)
def test_gradient_penalties_are_right(name, training, dense_gradient):
    pair = Pair(name, training, dense_gradient)
    for frozen in ("", "weight", "bias"):
        trained = {n for n in everything(pair) if n == "x" or not frozen or frozen not in n}
        pair.compare(penalty, trained, tolerance=1e-4)


BACKWARD = {"backward", "transposed_backward"}


@pytest.mark.parametrize("name", MIDDLES)
def test_one_native_call_gives_all_gradients_of_a_convolution(name):
    pair = Pair(name, True, dense_gradient=False)
    x = pair.x.clone().requires_grad_()
    with kernel_calls() as forward:
        y = pair.network(x)
    assert forward["convolve"] == (2 if "block" in name else 1)
    assert dense_convolutions(y) == 0
    with kernel_calls() as calls:
        torch.autograd.grad(y.sum(), [x, *pair.network.parameters()], allow_unused=True)
    assert sum(calls[kernel] for kernel in BACKWARD) == forward["convolve"]
    assert not {"convolve", "weight_gradient", "normalise_gradient"} & {*calls}


@pytest.mark.parametrize("name", MIDDLES)
def test_a_gradient_that_is_not_wanted_is_not_computed(name):
    pair = Pair(name, True)
    weights = [p for p in pair.network.parameters() if p.dim() == 4]
    for parameter in pair.network.parameters():
        parameter.requires_grad_(parameter.dim() == 4)
    y = pair.network(pair.x)
    with kernel_calls() as calls:
        torch.autograd.grad(y.sum(), weights, allow_unused=True)
    assert calls["weight_gradient"]
    assert not {"convolve", *BACKWARD} & {*calls}
    pair.network.requires_grad_(False)
    x = pair.x.clone().requires_grad_()
    y = pair.network(x)
    with kernel_calls() as calls:
        torch.autograd.grad(y.sum(), x)
    assert {"convolve", *BACKWARD} & {*calls}
    assert not calls["weight_gradient"]
