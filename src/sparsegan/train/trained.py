"""A run's networks as a checkpoint left them, to draw from and to evaluate."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.methods import Method
from sparsegan.record.run import open_run
from sparsegan.settings import kinds, parse, trust
from sparsegan.settings.config import Config
from sparsegan.settings.trust import NETWORKS
from sparsegan.train import build, state


@dataclass(frozen=True)
class TrainedGame:
    """A game of a run: its name (None where the run has one alone), and its method."""

    name: str | None
    method: Method


@dataclass(frozen=True)
class Trained:
    """A run's networks under their methods, at one step.

    Attributes:
        config: The run's settings.
        games: Its games, in order.
        step: Generator steps completed.
    """

    config: Config
    games: tuple[TrainedGame, ...]
    step: int

    def method_of(self, game: str | None) -> Method:
        """The method of the game of that name; None: of the only one.

        Raises:
            SparseganError: There is no such game, or no name and several games.
        """
        for own in self.games:
            if own.name == game:
                return own.method
        if game is None:
            names = " or ".join(own.name for own in self.games if own.name)
            raise SparseganError(f"the run has several generators: choose --direction {names}")
        raise SparseganError("the run has one generator: leave out --direction")

    @property
    def method(self) -> Method:
        """The method of the only game."""
        return self.method_of(None)


def open_trained(
    path: Path,
    checkpoint: Path | str | int | None = None,
    *,
    trust_code: bool = False,
    settings: Iterable[str] = NETWORKS,
) -> Trained:
    """Load a run from its newest checkpoint, or from the one named.

    Args:
        path: The run's directory.
        checkpoint: `best`, a step or a path; None is the newest.
        trust_code: Whether all code that config.yaml names may be run (see `trust`).
        settings: The settings that may name code which is going to be run.

    Raises:
        SparseganError: The directory is no run, names code that is not trusted, or the checkpoint
            is damaged or does not fit it.
    """
    run = open_run(path)
    config = parse.read(run.config)
    trust.require(config, run.config, trust_code=trust_code, settings=settings)
    saved = run.load(checkpoint)
    kind = kinds.of(config.network.name)
    state.require_parts(saved, kind.game_names)
    games = []
    for game, game_config in kind.games(config):
        built = build.pair(game_config)
        method = build.method(game_config, built)
        networks = {"generator": built.generator, "discriminator": built.discriminator}
        state.load_networks({kinds.label(role, game): net for role, net in networks.items()}, saved)
        method.load_state_dict(saved[kinds.label("method", game)])
        games.append(TrainedGame(game, method))
    return Trained(config, tuple(games), saved["step"])
