"""What a run is going to be, from its settings: no image read, no weight made, nothing trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from sparsegan.balance.band import Direction
from sparsegan.methods import Requests
from sparsegan.record.events import Event, LayerChange, Request, Rewiring
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.sparsity.allocation import NONE_PINNED, group_counts
from sparsegan.sparsity.maskable import maskable_layers
from sparsegan.sparsity.units import Units
from sparsegan.train import memory, networks

Networks = Mapping[str, nn.Module]

DIRECTIONS: dict[str, Direction] = {"lowest": "down", "highest": "up"}
"""The direction of all decisions, by the name of the extreme that they lead to."""


@dataclass(frozen=True)
class OutlinedGame:
    """A game of a run to come.

    Attributes:
        name: Its name; None where the run has one alone.
        networks: Generator and discriminator.
    """

    name: str | None
    networks: Networks


def games(config: Config) -> list[OutlinedGame]:
    """The games of a run with their networks; those of an architecture have shapes but no values.

    Args:
        config: Resolved.

    Raises:
        SparseganError: A network does not exist or does not fit the images.
    """
    outlined = []
    for name, settings in kinds.of(config.network.name).games(config):
        if settings.network.generator or settings.network.discriminator:
            G, D = networks.build(settings)  # user-supplied ones are called to see what they do
        else:
            with memory.on_no_device():
                G, D = networks.build(settings)
        outlined.append(OutlinedGame(name, {"generator": G, "discriminator": D}))
    return outlined


def start_counts(config: Config, game: OutlinedGame) -> dict[str, dict[str, int]]:
    """Active weights of each masked layer at the start, by network.

    Raises:
        SparseganError: A setting of the method is out of its range.
    """
    settings = config.method.settings
    settings.check(config.steps)
    return {
        name: _counts(config, network, density, start_of=name)
        for (name, network), density in zip(
            game.networks.items(), settings.densities(), strict=True
        )
    }


def _counts(
    config: Config, network: nn.Module, density: float, start_of: str | None = None
) -> dict[str, int]:
    """Active weights of each masked layer when masks of that density are drawn.

    `layer_densities` count at the start alone, for the network of that name.
    """
    settings = config.method.settings
    layers = maskable_layers(network, settings.maskable)
    units = Units(layers, settings.granularity)
    active = dict.fromkeys((layer.name for layer in layers), 0)
    pinned = settings.pinned_densities(start_of, list(active)) if start_of else NONE_PINNED
    counts = group_counts(units.shapes, units.groups, density, settings.allocation, pinned)
    for group, count in zip(units.groups, counts, strict=True):
        active[layers[group.layer].name] += group.size * count
    return active


def scheduled(config: Config, games: Sequence[OutlinedGame]) -> list[Rewiring]:
    """The `rewire` events of the densities that the method is going to set, whatever happens.

    Each time the layers share a density as when masks are drawn without `layer_densities`; whatever
    decides which weights go may share it otherwise, and then a layer's operations differ, the
    network's count does not.
    """
    return [
        _rewiring(config, game, step, network, density)
        for game in games
        for step, network, density in config.method.settings.scheduled(config.steps)
    ]


def extremes(config: Config, games: Sequence[OutlinedGame]) -> dict[str, list[Event]]:
    """The events of the least and the most that control of D could lead to.

    D's density, or its steps for each of G, fall, or rise, at every decision as far as they may,
    and G's with it where it pays for that; each time layers share a density as when masks are
    drawn. Empty for methods that control neither.
    """
    settings, steps, at_first = config.method.settings, config.steps, config.discriminator_steps
    if settings.band is None or settings.lever == "learning_rate":  # which costs nothing
        return {}
    moves: dict[str, list[Event]] = {}
    totals = [
        {name: _maskable(config, network) for name, network in game.networks.items()}
        for game in games
    ]
    for which, direction in DIRECTIONS.items():
        moves[which] = []
        for game, weights in zip(games, totals, strict=True):
            for at, wanted_density in settings.density_course(steps, direction):
                for step, network, density in settings.moved(at, wanted_density, weights):
                    moves[which].append(_rewiring(config, game, step, network, density))
            for step, number in settings.steps_course(steps, at_first, direction):
                wanted = Requests(discriminator_steps=number)
                moves[which].append(Request.of(step, game.name, wanted))
    return moves


def _maskable(config: Config, network: nn.Module) -> int:
    """How many weights masks can take."""
    layers = maskable_layers(network, config.method.settings.maskable)
    return sum(layer.parameter.numel() for layer in layers)


def _rewiring(
    config: Config, game: OutlinedGame, step: int, network: str, density: float
) -> Rewiring:
    """The event of a mask change to a density; which weights it would take is not known."""
    module = game.networks[network]
    layers = maskable_layers(module, config.method.settings.maskable)
    active = _counts(config, module, density)
    return Rewiring(
        step=step,
        game=game.name,
        network=network,
        reason="forecast",
        dropped=None,
        grown=None,
        active=sum(active.values()),
        total=_maskable(config, module),
        churn=None,
        ever_active=None,
        layers=tuple(
            LayerChange(layer.name, 0, active[layer.name], layer.parameter.numel())
            for layer in layers
        ),
        nearly_empty=(),
    )
