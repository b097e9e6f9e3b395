"""What a run would train or has trained, and at what cost; nothing is trained or written."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sparsegan import cost
from sparsegan.errors import SparseganError
from sparsegan.plan import forecast
from sparsegan.record import run_cost
from sparsegan.record.events import Layer, Start
from sparsegan.record.metrics_log import history
from sparsegan.record.run import open_run
from sparsegan.record.run_cost import GameLayers
from sparsegan.settings import kinds as settings_kinds
from sparsegan.settings import parse, trust
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label
from sparsegan.train import kinds, memory, opening, start
from sparsegan.train.layer_costs import layer_costs, network_layers


@dataclass(frozen=True)
class Plan:
    """A run that is to come or has been trained.

    Attributes:
        config: Resolved settings; for a run that has not ended, with the steps taken so far.
        held_out: Which images are held out and why; empty where the source fixes it.
        class_names: Of the classes that the images have; empty where they were not looked at.
        images: How many there are to learn from; None where they were not looked at.
        networks: Per network, its layers with weights, as in the `start` event.
        layers: Per network, what each layer costs (`run_cost.of_layers`).
        cost: As in cost.json. Of a run to come, for densities that go as `Settings.scheduled`
            says, else stay as they start; where a method controls one, the operations have besides
            what it could come to, `lowest` and `highest`.
    """

    config: Config
    images: int | None
    networks: dict[str, tuple[Layer, ...]]
    layers: dict[str, list[dict[str, Any]]]
    cost: dict[str, Any]
    held_out: str = ""
    class_names: tuple[str, ...] = ()


def cost_of_run(path: Path, *, trust_code: bool = False) -> Plan:
    """What a run has cost so far, counted anew from its events.

    User-supplied networks are counted as the run itself counted them; where it has not written that
    down, they are built again.

    Args:
        path: The run's directory.
        trust_code: Whether code that config.yaml names may be run, should it be needed (`trust`).

    Raises:
        SparseganError: The directory is no run, or code is needed that is not trusted.
    """
    run = open_run(path)
    config = parse.read(run.config)
    events = list(history(run.metrics))
    starts = [event for event in events if isinstance(event, Start)]
    names = set(settings_kinds.of(config.network.name).game_names)
    if not names <= {event.game for event in starts}:
        raise SparseganError(
            f"{run.metrics} does not say how the run began: restore it, or have `sparsegan resume "
            f"{path} --repair` say it again"
        )
    layers: list[GameLayers] | None = None
    if trust.code_of(config, trust.NETWORKS):
        layers = run_cost.recorded(starts, run.metrics)
    if layers is None:
        trust.require(config, run.config, trust_code=trust_code, settings=trust.NETWORKS)
        layers = _layers(config, forecast.games(config))
    if not run.is_finished():
        config = replace(config, steps=max(1, *(event.step for event in events)))
    counted = run_cost.summary(config, layers, events)
    if run.cost.is_file():  # what was measured cannot be counted anew
        counted |= {"seconds": _seconds(run.cost)}
    by_layer = run_cost.of_layers(config, layers, events)
    return Plan(config, None, _networks(starts), by_layer, counted)


def _seconds(path: Path) -> Any:
    try:
        seconds = json.loads(path.read_text()).get("seconds")
        return seconds and {which: float(seconds[which]) for which in ("run", "dense")}
    except (ValueError, OverflowError, RecursionError, KeyError, TypeError, AttributeError):
        raise SparseganError(
            f"{path} is not what a run has written: restore it, or remove it and count without "
            "seconds"
        ) from None


def plan(config: Config) -> Plan:
    """What a run would train, after a look at its data.

    Raises:
        SparseganError: As `train` would for the same configuration.
    """
    kind = kinds.of(config)
    images = kind.load_images(config)
    config = kind.resolve(config, images)
    memory.require(config)
    kind.batches(images, config, 0, config.fabric.devices, torch.device("cpu"))
    splits = kind.evaluation(config, images).splits
    if config.start.run is not None:
        networks = {
            label(name, game.name): network
            for game in forecast.games(config)
            for name, network in game.networks.items()
        }
        start.read(config, networks)
    held_out = " / ".join(
        text for text in dict.fromkeys(one.notes.held_out for one in splits.values()) if text
    )
    names = opening.class_names(splits)
    return replace(counted(config, len(images)), held_out=held_out, class_names=names)


def outline(config: Config) -> Plan:
    """What a run would cost; images are needed only where settings do not say their shape.

    Raises:
        SparseganError: A setting is out of its range, or the data are needed and not there.
    """
    kind = kinds.of(config)
    blank = kind.outline(config)
    images = kind.load_images(config) if blank is None else blank
    known = blank is None or kind.outline_counts
    return counted(kind.resolve(config, images), len(images) if known else None)


def counted(config: Config, images: int | None = None) -> Plan:
    """What a run of a resolved configuration would cost; no image is read."""
    games = forecast.games(config)
    layers, starts = _layers(config, games), []
    for game, costs in zip(games, layers, strict=True):
        start = Start(
            step=0,
            game=game.name,
            networks=network_layers(forecast.start_counts(config, game), costs.networks),
            method=config.method.name,
            steps=config.steps,
            band=config.method.settings.fixed_band,
        )
        starts.append(start)
    events = [*starts, *forecast.scheduled(config, games)]
    figures = run_cost.summary(config, layers, events)
    for which, moves in forecast.extremes(config, games).items():
        # Nobody both schedules and controls one network's density.
        reached = run_cost.summary(config, layers, [*events, *moves])
        for convention in cost.CONVENTIONS:
            figures["flops"][convention][which] = reached["flops"][convention]["run"]
    by_layer = run_cost.of_layers(config, layers, events)
    return Plan(config, images, _networks(starts), by_layer, figures)


def _layers(config: Config, games: Sequence[forecast.OutlinedGame]) -> list[GameLayers]:
    return [
        GameLayers(
            game.name,
            layer_costs(config, game.networks["generator"], game.networks["discriminator"]),
        )
        for game in games
    ]


def _networks(starts: Iterable[Start]) -> dict[str, tuple[Layer, ...]]:
    """The layers of all networks, out of the `start` events."""
    return {
        label(name, start.game): layers
        for start in starts
        for name, layers in start.networks.items()
    }
