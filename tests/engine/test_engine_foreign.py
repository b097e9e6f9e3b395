"""What authors of networks and loops count on, and what holds on every engine's kernels."""

import copy
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from kernel_calls import kernel_calls
from sparsegan import engine
from sparsegan.engine.attach import NativeForward
from sparsegan.engine.choice import Engine, Timing
from sparsegan.sparsity import Masks

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


class Net(nn.Module):
    """Convolutions, and between them what the test says."""

    def __init__(self, middle):
        super().__init__()
        self.fc = nn.Linear(5, 4 * 16)
        self.first = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 3, 3, padding=1)
        self.middle = middle

    def forward(self, z):
        h = self.fc(z).view(-1, 4, 4, 4)
        return self.last(self.middle(self, self.first(h)))


def gradients(network, z):
    network.zero_grad()
    z = z.clone().requires_grad_()
    network(z).square().sum().backward()
    return [None if t.grad is None else t.grad.clone() for t in (z, *network.parameters())]


def assert_agree(network, z):
    """Native gradients are those of the masked network, and where there is none, there is none."""
    masks = Masks(network, 0.6, "uniform")
    wanted = gradients(copy.deepcopy(network), z)
    native = NativeForward(network, masks, lambda: True)
    native.on = True
    actual = gradients(network, z)
    native.detach()
    largest = max(float(b.norm()) for b in wanted if b is not None)
    for a, b in zip(actual, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a - b).norm() <= 1e-4 * b.norm() + 1e-5 * largest


def normalised_without_gradients(net, h):
    with torch.no_grad():
        t = net.norm(h)
    return F.interpolate(h * t, scale_factor=2)


def activated_without_gradients(net, h):
    with torch.no_grad():
        t = F.relu(net.norm(h))
    return t * h


def upsampled_without_gradients(net, h):
    with torch.no_grad():
        t = F.interpolate(h, scale_factor=2)
    return F.interpolate(h, scale_factor=2) + t


def normalised_before_gradients(net, h):
    with torch.set_grad_enabled(False):
        t = net.norm(h)
    return F.interpolate(F.relu(t), scale_factor=2)


def gradients_within_none(net, h):
    with torch.no_grad(), torch.enable_grad():
        t = net.norm(h)
    return F.relu(t)


def used_with_and_without(net, h):
    t = F.relu(net.norm(h))
    with torch.no_grad():
        level = net.inner(t).mean()
    return t * level


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return F.relu(x)

    @staticmethod
    def backward(ctx, g):
        return g


def checkpointed(net, h):
    return checkpoint(lambda x: F.relu(net.norm(net.inner(x))), h, use_reentrant=True)


def checkpointed_inside(net, h):
    return checkpoint(lambda x: net.inner(F.relu(net.norm(x))), h, use_reentrant=True)


@pytest.mark.parametrize(
    "middle",
    [
        normalised_without_gradients,
        activated_without_gradients,
        upsampled_without_gradients,
        normalised_before_gradients,
        gradients_within_none,
        used_with_and_without,
        checkpointed,
        checkpointed_inside,
        lambda net, h: StraightThrough.apply(h),
        lambda net, h: F.conv2d(h, net.inner.weight * 2, padding=2, dilation=2),
        lambda net, h: F.conv2d(input=h, weight=net.inner.weight, padding="same"),
        lambda net, h: torch.relu(input=F.avg_pool2d(input=h, kernel_size=2)),
        lambda net, h: torch.add(input=h, other=F.interpolate(input=h[:, :, ::2, ::2],
                                                               scale_factor=2)),
        lambda net, h: F.leaky_relu(input=F.batch_norm(input=h, running_mean=None,
                                                       running_var=None, training=True)),
        lambda net, h: torch.addcmul(input=h, tensor1=h, tensor2=h),
    ],
)  # fmt: skip
def test_functions_mean_what_pytorch_means_by_them(middle):
    torch.manual_seed(0)
    assert_agree(Net(middle), torch.randn(3, 5))


class Dilated(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, padding=2, dilation=2)


class Same(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, padding="same")


class Standardised(nn.Conv2d):
    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, w, self.bias, padding=1)


class Unfolded(nn.Conv2d):
    """Never calls a convolution: the next one is somebody else's."""

    def forward(self, x):
        columns = F.unfold(x, 3, padding=1)
        return (self.weight.flatten(1) @ columns + self.bias[:, None]).view_as(x)


@pytest.mark.parametrize("layer", [Dilated, Same, Standardised, Unfolded])
def test_a_layer_with_a_forward_of_its_own_is_left_to_it(layer):
    torch.manual_seed(0)
    network = Net(lambda net, h: F.conv2d(net.inner(h), net.other, padding=1))
    network.inner, network.other = layer(4, 4, 3), nn.Parameter(torch.randn(4, 4, 3, 3))
    assert_agree(network, torch.randn(3, 5))


def doubled(part):
    """Twice a part of a feature map, written into the map itself."""

    def middle(net, h):
        part(h).mul_(2)
        return h

    return middle


def activated_through_a_view(net, h):
    rows = h.view(h.size(0), -1)
    F.relu_(rows)
    return net.norm(h)


def written_where_it_waits(net, h):
    h = F.interpolate(h, scale_factor=2)
    h.view(-1)[::3] = 0.5
    return h


def a_convolution_is_written_to(net, h):
    h = net.inner(F.relu(net.norm(h)))
    h.flatten(1)[:, 1::2] *= 3
    return h


def written_without_gradients(net, h):
    t = net.inner(h)
    with torch.no_grad():
        t.view(len(t), -1).clamp_(-0.1, 0.1)
    return t


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "middle",
    [
        doubled(lambda h: h.view(h.size(0), -1)),
        doubled(lambda h: h.view(-1)),
        doubled(lambda h: h.reshape(-1)),
        doubled(lambda h: h.flatten(2)),
        doubled(lambda h: h.unflatten(1, (2, 2))),
        doubled(lambda h: h.permute(0, 2, 3, 1)),
        doubled(lambda h: h[:, 1:3]),
        activated_through_a_view,
        written_where_it_waits,
        a_convolution_is_written_to,
        written_without_gradients,
    ],
)
def test_a_write_through_a_view_is_one_into_the_feature_map(middle, training):
    torch.manual_seed(0)
    network = Net(middle).train(training)
    z, right = torch.randn(3, 5), copy.deepcopy(network)
    native = NativeForward(network, Masks(network, 1.0), lambda: True)
    native.on = True
    # Later forwards know that maps change in place.
    for _ in range(2):
        with kernel_calls() as calls:
            result = network(z)
        assert calls["convolve"] >= 2
        torch.testing.assert_close(result, right(z), rtol=1e-4, atol=1e-5)
        for a, b in zip(gradients(network, z), gradients(right, z), strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    assert torch.overrides._get_current_function_mode() is None


def test_random_numbers_fall_on_the_same_places():
    network = Net(lambda net, h: F.dropout(F.relu(net.norm(h)), 0.5) + torch.randn_like(h))
    z, right = torch.randn(3, 5), copy.deepcopy(network)
    native = NativeForward(network, Masks(network, 1.0), lambda: True)
    native.on = True
    torch.manual_seed(0)
    with kernel_calls() as calls:
        actual = network(z)
    assert calls["convolve"] == 2
    torch.manual_seed(0)
    torch.testing.assert_close(actual, right(z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("view", [(-1, 8), (-1,), (-1, 4, 4), (3, 4, 16)])
def test_views_of_linear_layers(view):
    torch.manual_seed(0)
    layer = nn.Linear(5, 64)
    network = Net(lambda net, h: h)
    network.forward = lambda z: network.fc(z).view(*view)
    native = NativeForward(network, Masks(network, 0.5), lambda: False)
    native.on = True
    z = torch.randn(3, 5)
    torch.testing.assert_close(network(z), F.linear(z, *network.fc.parameters()).view(*view))
    assert layer(z).shape == (3, 64)


def of_kernels(kernels):
    """A network that runs on these by `auto`'s choice."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1)
    )
    selected = Engine(network, Masks(network, 0.5), lambda: False)
    masked = 1e9 if kernels == "native" else 0.0
    selected.timing = Timing(masked, 1.0, 1.0, batch=2, threads=1, isa="any")
    selected._choose_format()
    assert selected.kernels == kernels
    return network


@pytest.mark.parametrize("kernels", ["native", "masked"])
def test_loops_may_view_results_and_gradients_of_inputs(kernels):
    network = of_kernels(kernels)
    x = torch.randn(5, 3, 8, 8, requires_grad=True)
    y = network(x)
    assert y.view(-1).shape == (5 * 4 * 64,)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    g.view(5, -1).norm(2, 1).sum().backward()
    assert g.view(-1).shape == (5 * 3 * 64,)
    x.data, first = x.data.clone(), nn.ReLU(inplace=True)
    network.register_forward_pre_hook(lambda module, args: (first(args[0]),))
    assert torch.equal(network(x * 1), network(x.relu()))
    with torch.inference_mode():
        assert network(x.detach()).view(-1).shape == (5 * 4 * 64,)


def test_without_the_compiled_engine_a_native_table_runs_masked(monkeypatch):
    network = of_kernels("native")
    selected = Engine(network, Masks(network, 0.5), lambda: False)
    selected.timing = Timing(1e9, 1.0, 1.0, batch=2, threads=1, isa="any")
    monkeypatch.setattr("sparsegan.engine.choice.available", lambda: False)
    assert selected.kernels == "masked"
    assert "not compiled" in selected.reason


def test_threads_may_run_one_network_at_the_same_time():
    network = of_kernels("native").eval()
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        wanted = network(x)
    wrong = []

    def run():
        for _ in range(20):
            with torch.no_grad():
                try:
                    same = torch.equal(network(x), wanted)
                except RuntimeError:
                    same = False
            if not same:
                wrong.append(same)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_after_an_interrupted_forward_functions_are_themselves_again(monkeypatch):
    network = of_kernels("native")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sparsegan.engine.handlers.convolution", interrupted)
        with pytest.raises(KeyboardInterrupt):
            network(torch.randn(2, 3, 8, 8))
    free = F.relu(nn.BatchNorm2d(4)(torch.randn(2, 4, 3, 3)))
    assert type(free) is torch.Tensor
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 4, 8, 8)
    assert torch.overrides._get_current_function_mode() is None


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_transforms_and_traces_run_on_dense_kernels():
    network = of_kernels("native").eval()
    x = torch.randn(2, 3, 8, 8)
    wanted = network(x)
    traced = torch.jit.trace(network, x)
    torch.testing.assert_close(traced(x), wanted, rtol=1e-4, atol=1e-5)
    parameters = dict(network.named_parameters())

    def loss(p):
        return torch.func.functional_call(network, p, (x,)).square().sum()

    actual = torch.func.grad(loss)(parameters)
    right = torch.autograd.grad(wanted.square().sum(), list(parameters.values()))
    for a, b in zip(actual.values(), right, strict=True):
        torch.testing.assert_close(a * (b != 0), b, rtol=1e-3, atol=1e-3)  # the active ones
    _, tangent = torch.func.jvp(network, (x,), (torch.ones_like(x),))
    assert tangent.shape == wanted.shape


def test_a_loop_may_change_features_that_a_network_gives_it():
    class Pair(nn.Sequential):
        def forward(self, x):
            h = self[0](x)
            return h, self[1](F.relu(h))

    network = Pair(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 3))
    native = NativeForward(network, Masks(network, 0.5), lambda: False)
    native.on = True
    for _ in range(3):
        h, out = network(torch.randn(2, 3, 8, 8))
        with torch.no_grad():
            h.add_(1)
        out.sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
