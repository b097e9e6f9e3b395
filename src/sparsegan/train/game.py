"""Two networks and their two kinds of step: what the loop repeats."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.methods import Method, StepEvents
from sparsegan.train import build
from sparsegan.train.batches import Inputs
from sparsegan.train.config import Config
from sparsegan.train.losses import adversarial_loss, gradient_penalty
from sparsegan.undisturbed import undisturbed


class Game:
    """A generator, a discriminator and the method that keeps them sparse and in balance.

    The method and everything that only looks (samples, measurements) use the plain modules; the
    wrapped ones, which average gradients over processes, are for a network's own update only.

    Args:
        config: Resolved settings.
        fabric: Launched.

    Attributes:
        G: The plain generator.
        D: The plain discriminator.
        method: The sparse training method over both.
    """

    def __init__(self, config: Config, fabric: Fabric) -> None:
        self.config, self.fabric = config, fabric
        built = build.pair(config, fabric.device)
        self.G, self.D = built.generator, built.discriminator
        self.optimisers = {
            "generator": built.generator_optimiser,
            "discriminator": built.discriminator_optimiser,
        }
        self.method: Method = build.method(config, built)
        self._loss = adversarial_loss(config.loss.name)
        self._wrapped_G, self._step_G = fabric.setup(self.G, built.generator_optimiser)
        self._wrapped_D, self._step_D = fabric.setup(self.D, built.discriminator_optimiser)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The plain networks by name."""
        return {"generator": self.G, "discriminator": self.D}

    def choose_kernels(self, latents: Inputs, real: Inputs) -> None:
        """Let both engines time their networks, which they do in a first training forward."""
        with undisturbed(self.G, self.D), torch.no_grad():
            self.G(*latents)
            self.D(*real)

    def discriminator_step(self, step: int, real: Inputs, latents: Inputs, mix: Tensor) -> Tensor:
        """One update of D on a real batch and the fakes of `latents`; its loss, detached.

        The gradient penalty looks at mixtures of real and fake as members of the real's class.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        with torch.no_grad(), self.fabric.autocast():
            fake = self.G(*latents).float()
        D, (images, *labels) = self._wrapped_D, real
        loss: Tensor = self._loss.discriminator(D(images, *labels), D(fake, *latents[1:]))
        if self.config.loss.gradient_penalty:
            penalty = gradient_penalty(lambda x: D(x, *labels), images, fake, mix)
            loss = loss + self.config.loss.gradient_penalty * penalty
        self._update("discriminator", step, loss, self.D, self._step_D)
        return loss.detach()

    def generator_step(self, step: int, latents: Inputs) -> tuple[Tensor, Tensor]:
        """One update of G on `latents`; returns its loss and D's scores of the fakes.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        with frozen(self.D):
            scores = self._score(self._wrapped_G(*latents), *latents[1:])
            loss = self._loss.generator(scores)
            self._update("generator", step, loss, self.G, self._step_G)
        return loss.detach(), scores.detach()

    def after_generator_step(self, scores: Tensor, latents: Inputs, real: Inputs) -> StepEvents:
        """Measure, rewire and decide (`Method.after_generator_step`) in the run's precision."""
        return self.method.after_generator_step(
            scores,
            rescore=lambda: self._rescore(latents),
            real_scores=lambda: self._score(*real),
        )

    def gradient_norm(self, name: str) -> float:
        """Euclidean norm of what the network's last update stepped on, active weights only."""
        return _norm(self.networks[name])

    def _score(self, images: Tensor, *labels: Tensor) -> Tensor:
        with self.fabric.autocast():
            scores: Tensor = self.D(images, *labels)
        return scores.float()

    def _rescore(self, latents: Inputs) -> Tensor:
        with self.fabric.autocast():
            fake: Tensor = self.G(*latents)
        return self._score(fake.float(), *latents[1:])

    def _update(self, name: str, step: int, loss: Tensor, network: nn.Module, opt: Any) -> None:
        opt.zero_grad()
        self.fabric.backward(loss)
        value, norm = float(loss.detach()), _norm(network)
        if not math.isfinite(value + norm):
            raise SparseganError(
                f"the {name} diverged at step {step}: its loss is {value:.3g} and the norm "
                f"of its gradient {norm:.3g}; lower optimiser.{name}.lr, or choose another loss "
                "or seed"
            )
        opt.step()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for a network's parameters: it is only passed through."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def _norm(network: nn.Module) -> float:
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients))
