"""Gradients over a training run: native kernels, masked ones and float64 from the same states."""

import statistics

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from sparsegan import engine, nets
from sparsegan.methods import Adapt
from sparsegan.train.losses import adversarial_loss
from sparsegan.undisturbed import undisturbed

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

STEPS, BATCH, NOISE = 30, 4, 16
LOSS = adversarial_loss("non-saturating")  # its gradients never vanish
# Before an activation, float32's values are right to about this.
NEAR = 2e-6


def pair(dtype=torch.float32):
    torch.manual_seed(0)
    networks = nets.build(
        "sngan",
        image_size=32,
        channels=3,
        generator_width=16,
        discriminator_width=16,
        latent_dim=NOISE,
    )
    return [network.to(dtype) for network in networks]


def distance(one, other):
    return float((one - other).norm() / other.norm())


class MovedKink(TorchFunctionMode):
    """ReLU lets through what is above `at`, not above 0."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (F.relu, torch.relu):
            return torch.where(args[0] > self.at, args[0], torch.zeros_like(args[0]))
        return func(*args, **(kwargs or {}))


class Run:
    """ADAPT on a small SNGAN; G is rewired and D resized several times on the way."""

    def __init__(self):
        self.networks, self.wide = pair(), pair(torch.float64)
        self.optimisers = [
            torch.optim.Adam(network.parameters(), 1e-3, betas=(0.0, 0.9))
            for network in self.networks
        ]
        self.method = Adapt(
            *self.networks,
            *self.optimisers,
            steps=STEPS,
            engine="native",
            generator_density=0.2,
            interval=5,
            control_interval=10,
            balance_every=2,
            balance_window=5,
            density_step=0.2,
        )
        self.sparse = (self.method.generator, self.method.discriminator)
        self.native_errors, self.masked_errors = [], []

    def step(self, images, noises, exact):
        """One step of each network; returns the changes of masks."""
        with torch.no_grad():
            fake = self.networks[0](noises[0])
        self._descend(1, lambda G, D, x: LOSS.discriminator(D(x(images)), D(x(fake))), exact)
        self._descend(0, lambda G, D, x: LOSS.generator(D(G(x(noises[1])))), exact)
        with torch.no_grad(), undisturbed(*self.networks):
            scores = self.networks[1](self.networks[0](noises[1]))
        return self.method.after_generator_step(scores, z=noises[1], real=images).changes

    def _descend(self, which, loss, exact):
        """A step on native kernels, whose gradient is held against that of masked ones."""
        for network, wide in zip(self.networks, self.wide, strict=True):
            wide.load_state_dict(network.state_dict())
        with undisturbed(*self.networks):
            for sparse in self.sparse:
                sparse.engine.wanted = "masked"
            masked = self._gradient(self.networks, which, loss, lambda x: x)
            for sparse in self.sparse:
                sparse.engine.wanted = "native"
        native = self._gradient(self.networks, which, loss, lambda x: x)
        if exact or distance(native, masked) > 1e-5:
            self._hold_against_float64(native, masked, which, loss)
        self.optimisers[which].step()

    def _hold_against_float64(self, native, masked, which, loss):
        exact, above, below = (self._float64(which, loss, at) for at in (0, NEAR, -NEAR))
        self.native_errors.append(distance(native, exact))
        self.masked_errors.append(distance(masked, exact))
        # Only elements that float32 cannot tell from the kink make a difference.
        assert (native - exact).norm() <= 1e-5 * exact.norm() + 3 * (below - above).norm()

    def _float64(self, which, loss, kink):
        with MovedKink(kink), undisturbed(*self.wide):
            return self._gradient(self.wide, which, loss, torch.Tensor.double)

    def _gradient(self, networks, which, loss, cast):
        """The network's gradient, that of inactive weights where it is wanted, in one vector."""
        network, sparse = networks[which], self.sparse[which]
        network.zero_grad()
        loss(*networks, cast).backward()
        names = {id(p): name for name, p in self.networks[which].named_parameters()}
        actual = {name: p.grad.double() for name, p in network.named_parameters()}
        if not sparse.wants_dense_gradient:
            for layer in sparse.masks.layers:
                name = names[id(layer.parameter)]
                actual[name] = actual[name] * sparse.masks[layer.name]
        return torch.cat([gradient.flatten() for gradient in actual.values()])


@pytest.mark.full
def test_every_step_of_a_run_has_the_gradients_of_masked_kernels():
    run, generator, changes = Run(), torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        images = torch.rand(BATCH, 3, 32, 32, generator=generator) * 2 - 1
        noises = torch.randn(2, BATCH, NOISE, generator=generator)
        changes += run.step(images, noises, exact=step % 10 == 9)
    assert [c.network for c in changes].count("generator") >= 5
    assert "discriminator" in {c.network for c in changes}
    assert statistics.median(run.native_errors) <= 2 * statistics.median(run.masked_errors)
