import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm as legacy_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.checkpoint import checkpoint

from kernel_calls import kernel_calls
from sparsegan import engine, nets
from sparsegan.engine.attach import NativeForward
from sparsegan.sparsity import Masks, SparseNetwork

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


class Foreign(nn.Module):
    """Layers that the kernels take and layers that they must leave alone."""

    def __init__(self, norm=lambda layer: layer):
        super().__init__()
        self.linear = norm(nn.Linear(5, 8 * 16))
        self.bn = nn.BatchNorm2d(8)
        self.up = norm(nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1))
        self.instance = nn.InstanceNorm2d(6)
        self.grouped = nn.Conv2d(6, 6, 3, padding=1, groups=3)
        self.dilated = nn.Conv2d(6, 6, 3, padding=2, dilation=2)
        self.reflected = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.same = nn.Conv2d(6, 6, 3, padding="same")
        self.strided = norm(nn.Conv2d(6, 4, 3, stride=2, padding=1))
        self.flat = nn.Conv1d(4, 2, 3)

    def forward(self, z):
        h = F.relu(self.bn(self.linear(z).unflatten(1, (8, 4, 4))))
        h = F.leaky_relu(self.instance(self.up(h)), 0.2)
        h = h + self.grouped(h) + self.dilated(h) + self.reflected(h) + self.same(h)
        h = F.interpolate(h, scale_factor=2)
        h = F.avg_pool2d(torch.tanh(self.strided(h)), 2)
        return self.flat(h.flatten(2)).mean((1, 2))


def passes(network, x):
    """Output, and the gradients of input and parameters, of one forward and backward."""
    x = x.clone().requires_grad_()
    network.zero_grad()
    y = network(x)
    y.mul(torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    return [y.detach(), x.grad, *(p.grad.clone() for p in network.parameters())]


def both(network, masks, x, dense_gradient=False):
    """What dense kernels give in float64 and what the native ones give, from equal states."""
    saved = copy.deepcopy(network.state_dict())
    native = NativeForward(network, masks, lambda: dense_gradient)
    native.on = True
    actual = passes(network, x)
    native.detach()
    after = copy.deepcopy(network.state_dict())
    network.load_state_dict(saved)
    wanted = passes(network.double(), x.double())
    network.float()
    return actual, wanted, after


def assert_close(actual, wanted, tolerance=1e-5):
    # A bias before a normalisation has gradient 0 up to rounding of the terms it sums.
    largest = max(float(b.norm()) for b in wanted)
    for a, b in zip(actual, wanted, strict=True):
        assert (a - b).norm() <= tolerance * b.norm() + 1e-5 * largest


@pytest.mark.parametrize("norm", [lambda x: x, spectral_norm, legacy_spectral_norm])
@pytest.mark.parametrize("batch", [1, 3, 16])
def test_foreign_networks_give_what_dense_kernels_give(norm, batch):
    torch.manual_seed(0)
    network = Foreign(norm)
    masks = Masks(network, 0.3)
    actual, wanted, _ = both(network, masks, torch.randn(batch, 5), dense_gradient=True)
    assert_close(actual, wanted, 1e-4 if batch == 1 else 2e-5)


@pytest.mark.parametrize(
    ("name", "size"), [("dcgan", 28), ("dcgan", 32), ("sngan", 32), ("sngan", 48)]
)
def test_our_networks_give_what_dense_kernels_give(name, size):
    torch.manual_seed(0)
    pair = nets.build(
        name, image_size=size, channels=3, generator_width=4, discriminator_width=4, latent_dim=8
    )
    for network, x in zip(pair, (torch.randn(5, 8), torch.randn(5, 3, size, size)), strict=True):
        masks = Masks(network, 0.4)
        actual, wanted, _ = both(network, masks, x, dense_gradient=True)
        assert_close(actual[:1], wanted[:1])
        assert_close(actual[1:], wanted[1:], 2e-3)  # a ReLU's kink may fall on the other side


@pytest.mark.parametrize(
    "activation", [nn.ReLU(True), nn.LeakyReLU(0.2, True), nn.ELU(inplace=True)]
)
def test_activations_in_place_are_right(activation):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), activation, nn.Conv2d(4, 3, 3), activation
    )
    actual, wanted, _ = both(network, Masks(network, 0.5), torch.randn(3, 2, 9, 9), True)
    assert_close(actual, wanted)


def test_running_statistics_are_those_of_dense_kernels():
    torch.manual_seed(0)
    network = Foreign()
    x = torch.randn(6, 5)
    *_, after = both(network, Masks(network, 0.5), x)
    # `both` ran the dense pass last, from the same start.
    assert torch.allclose(after["bn.running_mean"], network.bn.running_mean, atol=1e-6)
    assert torch.allclose(after["bn.running_var"], network.bn.running_var, atol=1e-6)
    assert int(after["bn.num_batches_tracked"]) == 1


def test_gradients_at_inactive_places_are_zero_unless_wanted():
    torch.manual_seed(0)
    network = Foreign()
    masks = Masks(network, 0.3)
    x = torch.randn(4, 5)
    for dense in (False, True):
        native = NativeForward(network, masks, lambda dense=dense: dense)
        native.on = True
        passes(network, x)
        native.detach()
        inactive = network.strided.weight.grad[~masks["strided"]]
        assert bool(inactive.any()) == dense


def test_a_changed_mask_is_followed():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    masks = Masks(network, 0.3)
    native = NativeForward(network, masks, lambda: False)
    native.on = True
    x = torch.randn(2, 3, 8, 8)
    network(x)
    masks.replace(torch.ones_like(masks.flat))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    actual = network(x)
    native.detach()
    assert torch.allclose(actual, network(x), rtol=1e-5, atol=1e-4)


def test_detaching_leaves_no_trace():
    network = Foreign()
    before = [(len(m._forward_pre_hooks), len(m._forward_hooks)) for m in network.modules()]
    NativeForward(network, Masks(network, 0.5), lambda: False).detach()
    after = [(len(m._forward_pre_hooks), len(m._forward_hooks)) for m in network.modules()]
    assert before == after


def test_a_forward_that_fails_does_not_leave_functions_intercepted():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3))
    native = NativeForward(network, Masks(network, 0.5), lambda: False)
    native.on = True
    with pytest.raises(Exception, match="channels"):
        network(torch.randn(1, 3, 8, 8))
    assert native._running.mode is None
    assert torch.overrides._get_current_function_mode() is None


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_constant_weights_give_the_same_images_until_they_are_released(batch):
    torch.manual_seed(0)
    generator, _ = nets.build(
        "sngan", image_size=32, channels=3, generator_width=8, discriminator_width=8
    )
    native = NativeForward(generator.eval(), Masks(generator, 0.2, "erk"), lambda: False)
    native.on = True
    z = torch.randn(batch, 128)
    with torch.no_grad():
        before = generator(z)
        native.constant = True
        assert torch.equal(generator(z), before)
        assert torch.equal(generator(z), before)
        native.constant = False
        for parameter in generator.parameters():
            parameter.mul_(0.5)
        for norm in (m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.running_var.mul_(2)
        native.constant = True
        changed = generator(z)
        native.on = False
        torch.testing.assert_close(changed, generator(z), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(changed, before)


def test_gradients_flow_through_constant_weights():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()).eval()
    native = NativeForward(network, Masks(network, 0.5, "uniform"), lambda: True)
    native.on = native.constant = True
    x = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        network(x)
    actual = passes(network, x)
    native.detach()
    for got, want in zip(actual, passes(network, x), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("density", "natively"), [(1.0, 0), (0.5, 1)])
@pytest.mark.parametrize("batch", [1, 5])
def test_a_linear_layer_runs_natively_where_there_is_something_to_skip(batch, density, natively):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(7, 3 * 16), nn.Unflatten(1, (3, 4, 4)))
    native = NativeForward(network, Masks(network, density, "uniform"), lambda: True)
    native.on = True
    x = torch.randn(batch, 7)
    with kernel_calls() as calls:
        assert network(x).is_contiguous()
    assert calls["convolve"] == natively
    actual = passes(network, x)
    native.detach()
    for got, want in zip(actual, passes(network, x), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


class Modulated(nn.Conv2d):
    """A weight that depends on the input."""

    def forward(self, x):
        return F.conv2d(x, self.weight * (1 + x.mean()), self.bias, padding=1)


class Styled(nn.Module):
    """A gain that depends on the input."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4, affine=False)
        self.gain = nn.Linear(4, 4)

    def forward(self, x):
        gain = 1 + self.gain(x.mean((0, 2, 3)))
        return F.batch_norm(x, self.norm.running_mean, self.norm.running_var, gain, None, False)


@pytest.mark.parametrize("grad", [torch.no_grad, torch.inference_mode])
def test_what_depends_on_the_input_is_not_taken_for_constant(grad):
    torch.manual_seed(0)
    network = nn.Sequential(Modulated(4, 4, 3), Styled(), nn.ReLU(), nn.Conv2d(4, 4, 3)).eval()
    native = NativeForward(network, Masks(network, 0.5, "uniform"), lambda: False)
    native.constant = True
    with grad():
        for size in (1, 2, 3):
            x = torch.randn(2, 4, 6, 6) * size
            native.on = True
            actual = network(x)
            native.on = False
            torch.testing.assert_close(actual, network(x), rtol=1e-4, atol=1e-5)


class Checkpointed(nn.Module):
    """Keeps what is between its blocks only, and computes the rest again in the backward pass."""

    def __init__(self, reentrant):
        super().__init__()
        blocks = [
            nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
            for _ in range(3)
        ]
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.blocks = nn.ModuleList(blocks)
        self.reentrant = reentrant

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x.mean((2, 3))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_are_left_to_dense_kernels(reentrant):
    torch.manual_seed(0)
    network = Checkpointed(reentrant)
    masks = Masks(network, 0.5, "uniform")
    actual, wanted, _ = both(network, masks, torch.randn(2, 3, 8, 8), dense_gradient=True)
    assert_close(actual, wanted)


def test_copies_and_pickles_are_plain_networks(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 2))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    masks = Masks(network, 0.5, "uniform")
    SparseNetwork(network, optimizer, masks)
    engine.attach(network, masks, lambda: False, "native")
    torch.save(network, tmp_path / "network.pt")
    loaded = torch.load(tmp_path / "network.pt", weights_only=False)
    x = torch.randn(2, 4, 6, 6)
    modes = []
    for plain in (copy.deepcopy(network), loaded):
        mode = torch.overrides._get_current_function_mode
        plain[0].register_forward_hook(lambda *_, mode=mode: modes.append(mode()))
        torch.testing.assert_close(plain(x), network(x), rtol=1e-4, atol=1e-5)
    assert modes == [None, None]
