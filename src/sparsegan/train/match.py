"""The games of a run that are played together: one, or more where pairs of networks share a loss.

A pair is a generator and the discriminator that judges it. Where there is one alone its name is
empty; what is kept and told of it then bears no name either.
"""

from collections.abc import Mapping
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn, optim

from sparsegan.methods import Method, StepEvents
from sparsegan.settings.config import Config
from sparsegan.train.batches import Inputs
from sparsegan.train.game import Game


def named(part: str, pair: str) -> str:
    """What to call a part of a pair.

    Example:
        >>> named("generator", ""), named("generator", "a_to_b")
        ('generator', 'generator a_to_b')
    """
    return f"{part} {pair}" if pair else part


class Match:
    """A run's games, each step taken in one after the other.

    Args:
        config: Resolved settings of the run.
        fabric: Launched.
        games: The game of each pair, by the pair's name.
    """

    def __init__(self, config: Config, fabric: Fabric, games: Mapping[str, Game]) -> None:
        self.config, self.fabric, self.games = config, fabric, games

    @property
    def step(self) -> int:
        """Generator steps completed."""
        return next(iter(self.methods.values())).step

    @property
    def methods(self) -> dict[str, Method]:
        """The method of each pair."""
        return {pair: game.method for pair, game in self.games.items()}

    @property
    def evaluated_last(self) -> bool:
        """Whether a step's evaluation comes after its changes of masks and averages."""
        return next(iter(self.methods.values())).settings.restores("evaluation_last")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All plain networks, by name and pair."""
        return {
            named(name, pair): network
            for pair, game in self.games.items()
            for name, network in game.networks.items()
        }

    @property
    def optimisers(self) -> dict[str, optim.Optimizer]:
        """All optimisers, called as their networks."""
        return {
            named(name, pair): optimiser
            for pair, game in self.games.items()
            for name, optimiser in game.optimisers.items()
        }

    def choose_kernels(self, latents: Inputs, real: Inputs, **options: Any) -> None:
        """Let every game time its networks and their layers; options as `Game.choose_kernels`."""
        for pair, game in self.games.items():
            game.choose_kernels(self.latents(pair, latents), self.real(pair, real), **options)

    def discriminator_step(
        self, step: int, real: Inputs, latents: Inputs, mix: Tensor
    ) -> dict[str, Tensor]:
        """One update of every discriminator; the losses by pair, detached.

        Raises:
            SparseganError: A loss or gradient is not finite.
        """
        return {
            pair: game.discriminator_step(
                step, self.real(pair, real), self.latents(pair, latents), self.mix(pair, mix)
            )
            for pair, game in self.games.items()
        }

    def generator_step(
        self, step: int, latents: Inputs
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """One update of every generator; by pair the losses, and D's scores of the fakes.

        Raises:
            SparseganError: A loss or gradient is not finite; nothing has been updated.
        """
        losses, scores = {}, {}
        for pair, game in self.games.items():
            losses[pair], scores[pair] = game.generator_step(step, self.latents(pair, latents))
        return losses, scores

    def after_generator_step(
        self, scores: Mapping[str, Tensor], latents: Inputs, real: Inputs
    ) -> dict[str, StepEvents]:
        """Measure, rewire and decide on every pair by itself."""
        return {
            pair: game.after_generator_step(
                scores[pair], self.latents(pair, latents), self.real(pair, real)
            )
            for pair, game in self.games.items()
        }

    # ---- what of a batch is for which pair

    def latents(self, pair: str, latents: Inputs) -> Inputs:
        """What a pair's generator is called with."""
        return latents

    def real(self, pair: str, real: Inputs) -> Inputs:
        """What a pair's discriminator is called with."""
        return real

    def mix(self, pair: str, mix: Tensor) -> Tensor:
        """A pair's share of the random numbers of a discriminator step."""
        return mix

    # ---- what this process alone has to remember

    def own_state(self) -> dict[str, Any]:
        """What a resumed run needs beside networks, optimisers and methods; JSON and tensors."""
        return {}

    def load_own_state(self, state: Mapping[str, Any]) -> None:
        """Take over `own_state`."""
