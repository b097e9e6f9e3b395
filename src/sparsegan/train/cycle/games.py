"""CycleGAN: two generators, each the inverse of the other, learn from two unpaired sets of images.

Zhu et al. 2017, section 3, with the constants of its section 4 (docs/methods.md, B5). Each
generator has an adversarial loss against the discriminator of its pair, and both share the cycle:
what one makes of an image, the other should turn back into it.

Discriminators are updated before generators, as in every run here, where the published code has the
generators first: a balance ratio compares fakes under a discriminator that has made its step. Apart
from the very first step it is the same sequence of updates, with images drawn one update apart.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sparsegan.settings.config import Config
from sparsegan.settings.kinds import DIRECTIONS, IMAGE_TO_IMAGE
from sparsegan.train.batches import Inputs
from sparsegan.train.cycle.history import ImageHistory
from sparsegan.train.game import Game, frozen
from sparsegan.train.games import Games
from sparsegan.train.learner import step_together

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Direction(Game):
    """A generator that translates one way, and the discriminator of what it makes.

    Args:
        config: Resolved settings.
        fabric: Launched.
        name: One of `DIRECTIONS`.

    Attributes:
        history: The images that the discriminator has seen and may see again.
    """

    def __init__(self, config: Config, fabric: "Fabric", name: str) -> None:
        super().__init__(config, fabric, name)
        self._source = DIRECTIONS.index(name)
        self.history = ImageHistory(config.loss.history)

    def own_latents(self, latents: Inputs) -> Inputs:
        """The images that this direction translates."""
        return (latents[self._source],)

    def own_real(self, real: Inputs) -> Inputs:
        """The images of the kind that this direction makes."""
        return (real[1 - self._source],)

    def own_numbers(self, numbers: Tensor) -> Tensor:
        """What this direction's history decides by."""
        return numbers[self._source]

    def discriminator_step(self, step: int, real: Inputs, latents: Inputs, numbers: Tensor) -> None:
        """One update of D on real images and on translations, new ones and old.

        Args:
            step: The generator step (from 1) that this is a part of.
            real: Images of the kind that G makes.
            latents: Images to translate.
            numbers: What the history decides by, uniform in [0, 1), `(n, 2)`.
        """
        fresh = torch.cat([self._fake(*part) for part in self._parts(latents)])
        shown = self.history.exchanged(fresh, numbers)
        self._discriminate(step, real, (shown,), numbers, lambda images: images)

    def judged(self, fake: Tensor, step: int, part: int) -> tuple[Tensor, Tensor]:
        """The adversarial loss of a micro-batch of translations, and D's scores of them."""
        parts = self.config.accumulate
        numbers = self._augmentation_numbers(len(fake) * parts, "generated", step).chunk(parts)[
            part
        ]
        scores = self._score(self._augmented(fake, numbers))
        return self._loss.generator(scores), scores


class CycleGames(Games):
    """The games of both directions.

    Batches are pairs of images of A and of B: the first direction translates those of A and knows
    those of B as real, the second the other way round.

    Args:
        config: Resolved settings.
        fabric: Launched.

    Attributes:
        directions: The games, in the order of `DIRECTIONS`.
    """

    def __init__(self, config: Config, fabric: "Fabric") -> None:
        self.directions = [
            Direction(settings, fabric, name)
            for name, (_, settings) in zip(DIRECTIONS, IMAGE_TO_IMAGE.games(config), strict=True)
        ]
        super().__init__(config, fabric, self.directions)

    def generator_step(self, step: int, latents: Inputs) -> None:
        """One update of both generators on the sum of their losses.

        The loss of a direction, with x an image to translate and y one of the other kind:
        adversarial loss of G(x), + cycle · mean |F(G(x)) - x|, + identity · mean |G(y) - y|.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        settings, parts = self.config.loss, self.config.accumulate
        micro_batches = [
            tuple(side.chunk(parts)[part] for side in latents) for part in range(parts)
        ]
        learners = [game.learners["generator"] for game in self.directions]
        losses: list[dict[int, Tensor]] = [{} for _ in self.directions]
        scores: list[dict[int, Tensor]] = [{} for _ in self.directions]

        def loss_of(part: int) -> Tensor:
            total = torch.zeros((), device=self.fabric.device)
            for source, game in enumerate(self.directions):
                x, y = micro_batches[part][source], micro_batches[part][1 - source]
                G, back = learners[source].wrapped, learners[1 - source].wrapped
                fake = G(x)
                loss, judged = game.judged(fake, step, part)
                if settings.cycle:
                    loss = loss + settings.cycle * F.l1_loss(back(fake), x)
                if settings.identity:
                    loss = loss + settings.identity * F.l1_loss(G(y), y)
                losses[source][part], scores[source][part] = loss.detach(), judged.detach()
                total = total + loss
            return total

        with ExitStack() as stack:
            for game in self.directions:
                stack.enter_context(frozen(game.D))
            step_together(learners, step, loss_of)
        for game, of_parts, judged in zip(self.directions, losses, scores, strict=True):
            game.losses["generator"] = torch.stack(list(of_parts.values())).mean()
            game.scores = torch.cat(list(judged.values()))

    def own_state(self) -> dict[str, Any]:
        """The histories: every process has its own."""
        return {"history": {game.name: game.history.state_dict() for game in self.directions}}

    def load_own_state(self, state: Mapping[str, Any]) -> None:
        """Take over `own_state`."""
        for game in self.directions:
            game.history.load_state_dict(state["history"][game.name], self.fabric.device)
