"""The games of a run that are played together: one, or more where generators share a loss.

A game is a generator and the discriminator that judges it. One alone has no name; what is kept and
logged of it then bears no name either.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn, optim

from sparsegan.settings.config import Config
from sparsegan.train.batches import Inputs
from sparsegan.train.game import Game

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Games:
    """A run's games in order, each step taken in one after the other.

    Args:
        config: Resolved settings of the run.
        fabric: Launched.
        games: The games.
    """

    def __init__(self, config: Config, fabric: "Fabric", games: Sequence[Game]) -> None:
        self.config, self.fabric = config, fabric
        self._games = tuple(games)

    def __iter__(self) -> Iterator[Game]:
        return iter(self._games)

    def __len__(self) -> int:
        return len(self._games)

    def __getitem__(self, name: str | None) -> Game:
        return next(game for game in self._games if game.name == name)

    @property
    def step(self) -> int:
        """Generator steps completed."""
        return self._games[0].method.step

    @property
    def discriminator_steps(self) -> int:
        """Steps of the discriminators before the generators' next: as many as any of them makes."""
        return max(game.discriminator_steps for game in self)

    @property
    def evaluated_last(self) -> bool:
        """Whether a step's evaluation comes after its changes of masks and averages."""
        return self._games[0].method.settings.restores("evaluation_last")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All plain networks, by their labels."""
        return {
            game.label(name): network for game in self for name, network in game.networks.items()
        }

    @property
    def optimisers(self) -> dict[str, optim.Optimizer]:
        """All optimisers, by their networks' labels."""
        return {
            game.label(name): optimiser
            for game in self
            for name, optimiser in game.optimisers.items()
        }

    def choose_kernels(self, latents: Inputs, real: Inputs, **options: Any) -> None:
        """Let every game time its networks and their layers; options as `Game.choose_kernels`."""
        for game in self:
            game.choose_kernels(game.own_latents(latents), game.own_real(real), **options)

    def discriminator_step(
        self, step: int, real: Inputs, latents: Inputs, numbers: Tensor, *, k: int = 0
    ) -> None:
        """One update of every discriminator that makes more than `k` in this step.

        Raises:
            SparseganError: A loss or gradient is not finite.
        """
        for game in self:
            if k < game.discriminator_steps:
                game.discriminator_step(
                    step, game.own_real(real), game.own_latents(latents), game.own_numbers(numbers)
                )

    def generator_step(self, step: int, latents: Inputs) -> None:
        """One update of every generator.

        Raises:
            SparseganError: A loss or gradient is not finite; nothing has been updated.
        """
        for game in self:
            game.generator_step(step, game.own_latents(latents))

    def after_generator_step(self, latents: Inputs, *reals: Inputs) -> None:
        """Measure, rewire and decide in every game by itself.

        Args:
            latents: Those of the generators' step.
            reals: The real batches of the discriminators' steps: each game's last one counts.
        """
        for game in self:
            last = reals[: game.discriminator_steps][-1]
            game.after_generator_step(game.own_latents(latents), game.own_real(last))

    # ---- what this process alone has to remember

    def own_state(self) -> dict[str, Any]:
        """What a resumed run needs beside networks, optimisers and methods; JSON and tensors."""
        return {}

    def load_own_state(self, state: Mapping[str, Any]) -> None:
        """Take over `own_state`."""
