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
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.batches import Inputs
from sparsegan.train.build import CYCLE
from sparsegan.train.cycle.history import ImageHistory
from sparsegan.train.game import Game, frozen
from sparsegan.train.learner import step_together
from sparsegan.train.match import Match


class Direction(Game):
    """A generator that translates one way, and the discriminator of what it makes.

    Args:
        config: Resolved settings.
        fabric: Launched.

    Attributes:
        history: The images that the discriminator has seen and may see again.
    """

    def __init__(self, config: Config, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        self.history = ImageHistory(config.loss.history)

    def discriminator_step(self, step: int, real: Inputs, latents: Inputs, mix: Tensor) -> Tensor:
        """One update of D on real images and on translations, new ones and old.

        Args:
            step: The generator step (from 1) that this is a part of.
            real: Images of the kind that G makes.
            latents: Images to translate.
            mix: What the history decides by, uniform in [0, 1), `(n, 2)`.

        Returns:
            Its loss, detached.
        """
        fresh = torch.cat([self._fake(*part) for part in self._parts(latents)])
        shown = self.history.mixed(fresh, mix)
        return self._discriminate(step, real, (shown,), mix, lambda images: images)

    def judged(self, fake: Tensor, step: int, part: int) -> tuple[Tensor, Tensor]:
        """The adversarial loss of a micro-batch of translations, and D's scores of them."""
        parts = self.config.accumulate
        changes = self._changes(len(fake) * parts, "generated", step).chunk(parts)[part]
        scores = self._score(self._changed(fake, changes))
        return self._loss.generator(scores), scores


class CycleMatch(Match):
    """The games of both directions.

    Batches are pairs of images of A and of B: the first direction translates those of A and knows
    those of B as real, the second the other way round.

    Args:
        config: Resolved settings.
        fabric: Launched.

    Attributes:
        directions: The games by their pairs' names.
    """

    def __init__(self, config: Config, fabric: Fabric) -> None:
        self.directions = {
            pair: Direction(chosen, fabric) for pair, chosen in build.pairs(config).items()
        }
        super().__init__(config, fabric, self.directions)

    def generator_step(
        self, step: int, latents: Inputs
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """One update of both generators on the sum of their losses.

        The loss of a direction, with x an image to translate and y one of the other kind:
        adversarial loss of G(x), + cycle · mean |F(G(x)) - x|, + identity · mean |G(y) - y|.

        Returns:
            By direction the losses, and D's scores of the translations.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        chosen, parts = self.config.loss, self.config.accumulate
        images = [tuple(side.chunk(parts)[part] for side in latents) for part in range(parts)]
        learners = [game.learners["generator"] for game in self.directions.values()]
        losses: dict[str, dict[int, Tensor]] = {pair: {} for pair in self.directions}
        scores: dict[str, dict[int, Tensor]] = {pair: {} for pair in self.directions}

        def loss_of(part: int) -> Tensor:
            total = torch.zeros((), device=self.fabric.device)
            for source, (pair, game) in enumerate(self.directions.items()):
                x, y = images[part][source], images[part][1 - source]
                G, back = learners[source].wrapped, learners[1 - source].wrapped
                fake = G(x)
                loss, found = game.judged(fake, step, part)
                if chosen.cycle:
                    loss = loss + chosen.cycle * F.l1_loss(back(fake), x)
                if chosen.identity:
                    loss = loss + chosen.identity * F.l1_loss(G(y), y)
                losses[pair][part], scores[pair][part] = loss.detach(), found.detach()
                total = total + loss
            return total

        with ExitStack() as stack:
            for game in self.directions.values():
                stack.enter_context(frozen(game.D))
            step_together(learners, step, loss_of)
        return (
            {
                pair: torch.stack(list(of_parts.values())).mean()
                for pair, of_parts in losses.items()
            },
            {pair: torch.cat(list(of_parts.values())) for pair, of_parts in scores.items()},
        )

    def latents(self, pair: str, latents: Inputs) -> Inputs:
        """The images that a direction translates."""
        return (latents[CYCLE.index(pair)],)

    def real(self, pair: str, real: Inputs) -> Inputs:
        """The images of the kind that a direction makes."""
        return (real[1 - CYCLE.index(pair)],)

    def mix(self, pair: str, mix: Tensor) -> Tensor:
        """What a direction's history decides by."""
        return mix[CYCLE.index(pair)]

    def own_state(self) -> dict[str, Any]:
        """The histories: every process has its own."""
        return {
            "history": {pair: game.history.state_dict() for pair, game in self.directions.items()}
        }

    def load_own_state(self, state: Mapping[str, Any]) -> None:
        """Take over `own_state`."""
        for pair, game in self.directions.items():
            game.history.load_state_dict(state["history"][pair], self.fabric.device)
