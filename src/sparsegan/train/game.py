"""Two networks and their two kinds of step: what the loop repeats."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sparsegan.methods import Method, StepEvents
from sparsegan.seeding import stream
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.sparsity import average_active_gradients
from sparsegan.train import build
from sparsegan.train.augment import augment, augmentation_numbers
from sparsegan.train.batches import Inputs
from sparsegan.train.learner import Learner
from sparsegan.train.losses import adversarial_loss, gradient_penalty, r1_estimate

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Game:
    """A generator, a discriminator and the method that keeps them sparse and in balance.

    The method and everything that only looks (samples, measurements) use the plain modules; the
    wrapped ones, which average gradients over processes, are for a network's own update only.

    Args:
        config: Resolved settings.
        fabric: Launched.
        name: Its name among a run's games; None where it is the only one.

    Attributes:
        G: The plain generator.
        D: The plain discriminator.
        optimisers: Both, by name.
        method: The sparse training method over both.
        learners: What steps each network, by name.
        losses: The loss of each network's last update, by name, detached.
        scores: D's scores of the fakes of the generator's last update.
        events: What the method did after that update.
    """

    losses: dict[str, Tensor]
    scores: Tensor
    events: StepEvents

    def __init__(self, config: Config, fabric: "Fabric", name: str | None = None) -> None:
        self.config, self.fabric, self.name = config, fabric, name
        self.losses = {}
        built = build.pair(config, fabric.device)
        self.G, self.D = built.generator, built.discriminator
        self.optimisers = {
            "generator": built.generator_optimiser,
            "discriminator": built.discriminator_optimiser,
        }
        self.method: Method = build.method(config, built)
        self._loss = adversarial_loss(config.loss.name)
        self.learners = {
            role: Learner(
                role, network, self.optimisers[role], config, fabric, lambda: self.method.requests
            )
            for role, network in self.networks.items()
        }
        for role, learner in self.learners.items():
            average_active_gradients(learner.wrapped, self.method.networks[role])

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The plain networks by name."""
        return {"generator": self.G, "discriminator": self.D}

    @property
    def discriminator_steps(self) -> int:
        """Steps of D before the next one of G: as the method asks, else as the settings say."""
        return self.method.requests.discriminator_steps or self.config.discriminator_steps

    def label(self, part: str) -> str:
        """What to call a part of this game among all games'."""
        return kinds.label(part, self.name)

    # ---- what of a batch is for this game

    def own_latents(self, latents: Inputs) -> Inputs:
        """What this game's generator is called with."""
        return latents

    def own_real(self, real: Inputs) -> Inputs:
        """What this game's discriminator is called with."""
        return real

    def own_numbers(self, numbers: Tensor) -> Tensor:
        """This game's share of the random numbers of a discriminator step."""
        return numbers

    # ---- steps

    def choose_kernels(
        self, latents: Inputs, real: Inputs, *, seconds: float = 0.02, anew: bool = False
    ) -> None:
        """Time both networks, to choose their kernels, and their layers, to be shown.

        Args:
            latents: What G is called with in a step.
            real: What D is called with.
            seconds: How long each layer is timed in each way (`engine.timing.medians`).
            anew: Do not take times that an earlier run on this machine has left.
        """
        inputs = self._parts(latents)[0], self._parts(real)[0]
        for network, arguments in zip(self.method.networks.values(), inputs, strict=True):
            kernels = network.engine
            if kernels.wanted != "masked" and kernels.measurable:
                if kernels.wanted == "auto":
                    kernels.measure(*arguments, anew=anew)
                kernels.time_layers(*arguments, seconds=seconds, anew=anew)

    def discriminator_step(self, step: int, real: Inputs, latents: Inputs, numbers: Tensor) -> None:
        """One update of D on a real batch and the fakes of `latents`.

        The gradient penalty looks at mixtures of real and fake, made by the random numbers, as
        members of the real's class.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        self._discriminate(step, real, latents, numbers, self._fake)

    def _discriminate(
        self,
        step: int,
        real: Inputs,
        latents: Inputs,
        mix: Tensor,
        fake_of: Callable[..., Tensor],
    ) -> None:
        """`discriminator_step` on what `fake_of` makes of the latents of a micro-batch."""
        number = self.method.discriminator_steps
        numbers = self._augmentation_numbers(len(latents[0]), "fake", number)
        fakes = self._parts((*latents, numbers))
        reals = self._parts((*self._seen(real, number), mix))
        noises = self._parts((self._r1_noise(real[0], number),)) if self.config.loss.r1 else []
        D = self.learners["discriminator"].wrapped

        def loss_of(part: int) -> Tensor:
            *latents, numbers = fakes[part]
            images, *labels, mix = reals[part]
            fake = self._augmented(fake_of(*latents), numbers)
            weight, noise = self.config.loss.r1, self.config.loss.r1_noise
            if weight:  # in one forward: in two, spectral normalisation would scale differently
                both = torch.cat([images, images + noise * noises[part][0]])
                scores, nearby = D(both, *(torch.cat([y, y]) for y in labels)).chunk(2)
            else:
                scores = D(images, *labels)
            loss: Tensor = self._loss.discriminator(scores, D(fake, *latents[1:]))
            if weight:
                loss = loss + weight * r1_estimate(scores, nearby, noise)
            if self.config.loss.gradient_penalty:
                # A wrapped module refuses every backward but that of the whole loss.
                penalty = gradient_penalty(lambda x: self._score(x, *labels), images, fake, mix)
                loss = loss + self.config.loss.gradient_penalty * penalty
            return loss

        self.losses["discriminator"] = self.learners["discriminator"].step(step, loss_of)

    def generator_step(self, step: int, latents: Inputs) -> None:
        """One update of G on `latents`.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        numbers = self._augmentation_numbers(len(latents[0]), "generated", step)
        parts = self._parts((*latents, numbers))
        scores: dict[int, Tensor] = {}
        G = self.learners["generator"].wrapped

        def loss_of(part: int) -> Tensor:
            *latents, numbers = parts[part]
            judged = self._score(self._augmented(G(*latents), numbers), *latents[1:])
            scores[part] = judged.detach()
            return self._loss.generator(judged)

        with frozen(self.D):
            self.losses["generator"] = self.learners["generator"].step(step, loss_of)
        self.scores = torch.cat([scores[part] for part in range(len(parts))])

    def after_generator_step(self, latents: Inputs, real: Inputs) -> None:
        """Measure, rewire and decide (`Method.after_generator_step`) in the run's precision.

        All scores are of the same micro-batches, augmented alike, as in the steps.
        """

        def rescore() -> Tensor:
            numbers = self._augmentation_numbers(len(latents[0]), "generated", self.method.step)
            return torch.cat([self._rescore(*part) for part in self._parts((*latents, numbers))])

        def real_scores() -> Tensor:
            seen = self._seen(real, self.method.discriminator_steps - 1)
            return torch.cat([self._score(*part) for part in self._parts(seen)])

        self.events = self.method.after_generator_step(
            self.scores, rescore=rescore, real_scores=real_scores
        )

    def gradient_norm(self, name: str) -> float:
        """Euclidean norm of what the network's last update stepped on, active weights only."""
        return self.learners[name].gradient_norm()

    def _fake(self, *latents: Tensor) -> Tensor:
        with torch.no_grad(), self.fabric.autocast():
            fake: Tensor = self.G(*latents)
        return fake.float()

    def _augmentation_numbers(self, count: int, *names: str | int) -> Tensor:
        """This rank's random numbers to augment a batch by, the same whenever asked for."""
        numbers = augmentation_numbers(count, self._stream("augment", *names))
        return numbers.to(self.fabric.device)

    def _r1_noise(self, images: Tensor, number: int) -> Tensor:
        """Of variance 1, one image of it for each of the real batch of D's step of that number."""
        return torch.randn(images.shape, generator=self._stream("r1", number)).to(images)

    def _stream(self, *names: str | int) -> torch.Generator:
        """Random numbers of this rank for one purpose, the same whenever asked for."""
        return stream(self.config.seed, *names, self.fabric.global_rank)

    def _augmented(self, images: Tensor, numbers: Tensor) -> Tensor:
        return augment(images, self.config.augment, numbers)

    def _seen(self, real: Inputs, number: int) -> Inputs:
        """A real batch as D sees it in its step of that number (from 0, over the whole run)."""
        images, *labels = real
        return self._augmented(
            images, self._augmentation_numbers(len(images), "real", number)
        ), *labels

    def _parts(self, batch: Sequence[Tensor]) -> list[Inputs]:
        """The micro-batches of a batch."""
        chunks = (tensor.chunk(self.config.accumulate) for tensor in batch)
        return list(zip(*chunks, strict=True))

    def _score(self, images: Tensor, *labels: Tensor) -> Tensor:
        with self.fabric.autocast():
            scores: Tensor = self.D(images, *labels)
        return scores.float()

    def _rescore(self, *inputs: Tensor) -> Tensor:
        *latents, numbers = inputs
        with self.fabric.autocast():
            fake: Tensor = self.G(*latents)
        return self._score(self._augmented(fake.float(), numbers), *latents[1:])


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for a network's parameters: it is only passed through."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:  # and not those that were frozen for good
            parameter.requires_grad_(True)
