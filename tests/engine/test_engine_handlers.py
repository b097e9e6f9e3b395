import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kernel_calls import kernel_calls, operations
from sparsegan import engine, nets
from sparsegan.engine import handlers
from sparsegan.engine.attach import NativeForward
from sparsegan.nets.conditional import ConditionalNorm
from sparsegan.sparsity import Masks

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


class Scaled(torch.autograd.Function):
    """A user's own function, which no interception of torch functions sees."""

    @staticmethod
    def forward(ctx, x):
        return 3 * x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


class Net(nn.Module):
    """Two convolutions, and between them what the test says."""

    def __init__(self, middle, channels=4):
        super().__init__()
        self.first = nn.Conv2d(2, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)
        self.second = nn.Conv2d(channels, 3, 3, padding=1)
        self.point = nn.Conv2d(channels, 3, 1)
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.narrow = nn.Conv2d(channels, 3, 3)
        self.wide = nn.Conv2d(channels, 3, 3, padding=2)
        self.strided = nn.Conv2d(channels, 3, 4, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(channels, 3, 4, stride=2, padding=1)
        self.middle = middle

    def forward(self, x):
        return self.middle(self, self.first(x))


def ignoring_the_result(net, x):
    h = net.norm(x)
    F.relu(h, inplace=True)
    return net.second(h)


def changed_between(net, x):
    h = F.relu(net.norm(x))
    with torch.no_grad():
        h = h.clone()
    x = x + 1
    return net.second(h) + net.second(x)


def residual_added(net, x):
    x = x * 1
    x += F.pad(net.second(F.relu(x)), (0, 0, 0, 0, 0, 1))
    return net.second(x)


def convolved_and_changed(net, x):
    h = net.second(x)
    h.mul_(2)
    return h


def convolved_and_written_through_a_view(net, x):
    h = net.second(x)
    h.view(len(h), -1)[:, ::2].mul_(0.5)
    return h


def shortcut_changed_later(net, x):
    shortcut = x * 1
    h = net.inner(x) + shortcut
    shortcut.mul_(2)
    return net.second(h) + shortcut[:, :3]


def used_before_and_behind_pooling(net, x):
    h = net.second(x)
    return h + F.interpolate(F.avg_pool2d(h, 2), scale_factor=2)


def normalised_and_added(net, x):
    h = net.inner(x)
    return net.second(F.relu(net.norm(h)) + h)


MIDDLES = {
    "normalised, activated, upsampled": lambda n, x: n.second(
        F.interpolate(F.relu(n.norm(x)), scale_factor=2)
    ),
    "upsampled first": lambda n, x: n.second(F.relu(n.norm(F.interpolate(x, scale_factor=2)))),
    "activated last": lambda n, x: n.second(F.relu(F.interpolate(n.norm(x), scale_factor=2))),
    "upsampled twice": lambda n, x: n.second(
        F.interpolate(F.interpolate(x, scale_factor=2), scale_factor=2)
    ),
    "activated twice": lambda n, x: n.second(F.leaky_relu(F.leaky_relu(n.norm(x), 0.2), 0.3)),
    "only activated": lambda n, x: n.second(torch.relu(x)),
    "a method": lambda n, x: n.second(n.norm(x).relu()),
    "in place": lambda n, x: n.second(n.norm(x).relu_()),
    "in place, result ignored": ignoring_the_result,
    "the source changes": changed_between,
    "residual in place": residual_added,
    "used twice": lambda n, x: (lambda h: n.second(h) + n.point(h) + h[:, :3])(F.relu(n.norm(x))),
    "a 1x1 convolution": lambda n, x: n.point(F.interpolate(F.relu(n.norm(x)), scale_factor=2)),
    "an upsampled shortcut": lambda n, x: (
        n.second(F.interpolate(F.relu(n.norm(x)), scale_factor=2))
        + F.interpolate(n.point(x), scale_factor=2)
    ),
    "pooled": lambda n, x: n.second(F.avg_pool2d(F.relu(n.norm(x)), 2)),
    "the end of the network": lambda n, x: F.relu(n.norm(x)),
    "a nest of results": lambda n, x: [F.relu(n.norm(x)), {"shape": tuple(n.norm(x).shape)}][0],
    "a function of one's own": lambda n, x: n.second(Scaled.apply(F.relu(n.norm(x)))),
    "the same after in place": lambda n, x: n.second(Scaled.apply(F.relu_(n.norm(x)))),
    "indexing": lambda n, x: n.second(F.relu(n.norm(x))[:, :, 1:]),
    "a view": lambda n, x: n.second(x).view(x.size(0), -1),
    "a comparison": lambda n, x: n.second(x * (F.relu(n.norm(x)) > 0.5)),
    "no padding": lambda n, x: n.narrow(F.relu(n.norm(x))),
    "much padding": lambda n, x: n.wide(F.relu(n.norm(x))),
    "strided": lambda n, x: n.strided(F.relu(n.norm(x))),
    "transposed": lambda n, x: n.up(F.relu(n.norm(x))),
    "transposed of upsampled": lambda n, x: n.up(F.interpolate(x, scale_factor=2)),
    "transposed and pooled": lambda n, x: F.avg_pool2d(n.up(x), 2),
    "transposed and added": lambda n, x: n.up(x) + F.interpolate(n.point(x), scale_factor=2),
    "convolved and pooled": lambda n, x: F.avg_pool2d(n.second(F.relu(n.norm(x))), 2),
    "two convolutions added": lambda n, x: n.second(x) + n.point(x),
    "two convolutions added and pooled": lambda n, x: F.avg_pool2d(n.second(x) + n.point(x), 2),
    "two convolutions pooled and added": lambda n, x: (
        F.avg_pool2d(n.second(F.relu(x)), 2) + n.point(F.avg_pool2d(x, 2))
    ),
    "three convolutions added": lambda n, x: n.second(x) + n.point(x) + n.second(F.relu(x)),
    "a convolution twice": lambda n, x: (lambda h: h + h)(n.second(x)),
    "a shortcut": lambda n, x: n.second(n.inner(F.relu(n.norm(x))) + x),
    "a shortcut that changes": shortcut_changed_later,
    "a convolution's result changes": convolved_and_changed,
    "a convolution's result changes through a view": convolved_and_written_through_a_view,
    "pooled and used": used_before_and_behind_pooling,
    "normalised and added": normalised_and_added,
    "added in place": lambda n, x: n.second(x).add_(n.point(x)),
    "a smaller term": lambda n, x: n.second(x) + n.point(x).mean((2, 3), keepdim=True),
    "another type": lambda n, x: (n.second(x) + n.point(x).double()).to(x.dtype),
}


def gradients(network, x):
    x = x.clone().requires_grad_()
    y = network(x)
    g = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    tensors = [x, *network.parameters()]
    actual = torch.autograd.grad((y * g).sum(), tensors, allow_unused=True)
    return [y.detach(), *(torch.zeros_like(t) if f is None else f
                          for t, f in zip(tensors, actual, strict=True))]  # fmt: skip


def native(network):
    attached = NativeForward(network, Masks(network, 1.0), lambda: True)
    attached.on = True
    return attached


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MIDDLES)
def test_whatever_order_gives_what_dense_kernels_give(name, training):
    torch.manual_seed(0)
    network = Net(MIDDLES[name]).train(training)
    dense = copy.deepcopy(network).double()
    native(network)
    x = torch.randn(5, 2, 6, 6)
    # The first forward watches for changes in place, later ones know.
    for _ in range(2):
        actual, wanted = gradients(network, x), gradients(dense, x.double())
        largest = max(float(b.norm()) for b in wanted)
        assert type(actual[0]) is torch.Tensor
        for a, b in zip(actual, wanted, strict=True):
            assert (a - b).norm() <= 1e-5 * b.norm() + 1e-5 * largest
    with torch.no_grad():
        assert (network(x) - dense(x.double())).norm() <= 1e-5 * largest


def test_a_source_that_changes_is_computed_before():
    torch.manual_seed(0)

    def middle(net, x):
        h = F.relu(net.norm(x))
        x[1:].mul_(2)
        return net.second(h)

    network = Net(middle).eval()
    dense = copy.deepcopy(network)
    native(network)
    x = torch.randn(5, 2, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(network(x), dense(x), rtol=1e-5, atol=1e-5)


def test_views_work_on_masked_kernels_too():
    torch.manual_seed(0)
    network = Net(lambda n, x: n.second(F.relu(x)).view(len(x), -1))
    dense = copy.deepcopy(network)
    attached = native(network)
    attached.on, attached.channels_last = False, True
    x = torch.randn(5, 2, 6, 6)
    for _ in range(2):
        torch.testing.assert_close(network(x), dense(x))


def test_weights_that_change_behind_a_convolution_do_not_change_its_result():
    torch.manual_seed(0)

    def middle(net, x):
        h = net.second(x)
        net.second.weight.mul_(2)
        net.second.bias.add_(1)
        return h

    network = Net(middle).eval()
    dense = copy.deepcopy(network)
    native(network)
    x = torch.randn(5, 2, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(network(x), dense(x), rtol=1e-5, atol=1e-5)


def test_class_conditional_normalisation_waits_too(monkeypatch):
    torch.manual_seed(0)
    norm = ConditionalNorm.by_class(4, 3)
    labels = torch.randint(3, (9,))
    prologues = []
    original = handlers.convolution
    monkeypatch.setattr(
        handlers, "convolution", lambda *a: (prologues.append(a[0]), original(*a))[1]
    )
    network = Net(lambda n, x: n.second(F.relu(norm(x, labels))))
    network.conditional = norm
    dense = copy.deepcopy(network).double()
    dense.middle = lambda n, x: n.second(F.relu(n.conditional(x, labels)))
    native(network)
    x = torch.randn(9, 2, 6, 6)
    actual, wanted = gradients(network, x), gradients(dense, x.double())
    largest = max(float(b.norm()) for b in wanted)
    for a, b in zip(actual, wanted, strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm() + 1e-5 * largest
    assert [p.per_sample for p in prologues] == [False, True]


@pytest.mark.parametrize("name", ["dcgan", "sngan"])
def test_nothing_is_copied_or_left_to_dense_kernels_inside_our_generators(name):
    """Convolutions make normalisation, activation, interpolation and the sums of blocks."""
    generator, _ = nets.build(
        name, image_size=32, channels=3, generator_width=8, discriminator_width=8, latent_dim=4
    )
    native(generator)
    convolutions = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    with kernel_calls() as calls:
        image = generator(torch.randn(3, 4))
    # The first normalisation is behind a linear layer, the others' moments come with convolutions.
    assert calls == {"convolve": len(convolutions), "moments": 1}
    dense = ("AddBackward", "Clone", "Convolution", "Copy", "Native", "Relu", "Upsample")
    assert not [name for name in operations(image) if name.startswith(dense)]


def test_gradient_penalties_go_through():
    torch.manual_seed(0)
    network = Net(MIDDLES["normalised, activated, upsampled"]).eval()
    dense = copy.deepcopy(network).double()
    native(network)
    x = torch.randn(3, 2, 6, 6)
    actual = []
    for net, inputs in ((network, x), (dense, x.double())):
        inputs = inputs.clone().requires_grad_()
        (g,) = torch.autograd.grad(net(inputs).square().sum(), inputs, create_graph=True)
        penalty = (g.flatten(1).norm(dim=1) - 1).square().mean()
        actual.append(torch.autograd.grad(penalty, [net.first.weight, net.second.weight]))
    for a, b in zip(*actual, strict=True):
        assert (a - b).norm() <= 1e-4 * b.norm()
