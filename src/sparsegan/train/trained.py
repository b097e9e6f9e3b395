"""A run's networks as a checkpoint left them, to draw from and to evaluate."""

from dataclasses import dataclass
from pathlib import Path

from sparsegan.methods import Method
from sparsegan.train import build, parse, state
from sparsegan.train.checkpoint import load_state
from sparsegan.train.config import Config
from sparsegan.train.run import open_run


@dataclass(frozen=True)
class Trained:
    """A run's method with its networks, at one step."""

    config: Config
    method: Method
    step: int


def open_trained(path: Path, checkpoint: Path | None = None) -> Trained:
    """Load a run from its newest checkpoint, or from the one named.

    Raises:
        SparseganError: The directory is no run, or the checkpoint is damaged or does not fit it.
    """
    run = open_run(path)
    config = parse.read(run.config)
    saved = load_state(checkpoint or run.newest_checkpoint())
    state.require_parts(saved)
    built = build.pair(config)
    method = build.method(config, built)
    networks = {"generator": built.generator, "discriminator": built.discriminator}
    state.load_networks(networks, saved)
    method.load_state_dict(saved["method"])
    return Trained(config, method, saved["step"])
