"""How long the networks of a run take on either kind of kernels, measured on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sparsegan.record.events import Kernels, LayerSeconds
from sparsegan.record.run import open_run
from sparsegan.report.kernels import LayerChoice, layer_choices
from sparsegan.settings import parse, trust
from sparsegan.settings.config import Config
from sparsegan.sparsity import SparseNetwork
from sparsegan.train import kinds, state
from sparsegan.train.games import Games
from sparsegan.train.launch import launch

# How long a layer is timed in each way, where there is time.
SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """The kernels chosen for a network, and the measurements behind the choice.

    Attributes:
        name: Of the network.
        density: Of its masks.
        kernels: ``native`` or ``masked``.
        reason: Why.
        timing: The table of the whole network; None where there is no choice.
        layers: Its layers, one by one.
    """

    name: str
    density: float
    kernels: str
    reason: str
    timing: Mapping[str, Any] | None
    layers: list[LayerChoice]

    @property
    def timed(self) -> bool:
        """Whether there was a choice, and so anything to time."""
        return any(layer.masked is not None for layer in self.layers)


def of_run(path: Path, *, trust_code: bool = False) -> list[Measured]:
    """Measure a run's networks, with the masks of its newest checkpoint.

    Args:
        path: The run's directory.
        trust_code: Whether code that config.yaml names may be run (see `trust`).

    Raises:
        SparseganError: The directory is no run, names code that is not trusted, or has no
            checkpoint that fits it.
    """
    run = open_run(path)
    config = parse.read(run.config)
    trust.require(config, run.config, trust_code=trust_code, settings=trust.NETWORKS)
    saved = run.load()
    games = _games(config)
    state.require_parts(saved, [game.name for game in games])
    state.restore(games, saved, inexact=True)
    return _measured(games)


def of_plan(config: Config) -> list[Measured]:
    """Measure the networks of a run to come, with masks of its densities at the start.

    Args:
        config: Resolved.

    Raises:
        SparseganError: The networks or the method do not exist or do not suit the images.
    """
    return _measured(_games(config))


def _games(config: Config) -> Games:
    fabric = launch(replace(config, fabric=replace(config.fabric, devices=1)))
    return kinds.of(config).games(config, fabric)


def _measured(games: Games) -> list[Measured]:
    config, device = games.config, games.fabric.device
    kind = kinds.of(config)
    # Only the shape of the images matters; a process has its share of a batch.
    batches = kind.batches(kind.blank(config), config, 0, config.fabric.devices, device)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads or threads)
    try:
        games.choose_kernels(
            batches.generator_latents(1), batches.real(1, 0), seconds=SECONDS, anew=True
        )
    finally:
        torch.set_num_threads(threads)
    return [
        _row(game.label(name), network)
        for game in games
        for name, network in game.method.networks.items()
    ]


def _row(name: str, network: SparseNetwork) -> Measured:
    event, masks = Kernels.of(0, None, name, network.engine), network.masks
    layers = event.layers or tuple(map(LayerSeconds, masks.names))
    sizes = masks.sizes()
    densities = {layer: active / sizes[layer] for layer, active in masks.counts().items()}
    return Measured(
        name=name,
        density=masks.density,
        kernels=event.kernels,
        reason=event.reason,
        timing=event.timing,
        layers=layer_choices(event, layers, densities),
    )
