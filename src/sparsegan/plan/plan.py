"""What a run would train or has trained, and at what cost; nothing is trained or written."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sparsegan import cost
from sparsegan.errors import SparseganError
from sparsegan.plan import forecast
from sparsegan.record import run_cost
from sparsegan.record.journal import layer_costs, network_layers, recorded_costs
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import open_run
from sparsegan.settings import parse, trust
from sparsegan.settings.config import Config
from sparsegan.train import build, kinds, memory, start
from sparsegan.train.match import named


@dataclass(frozen=True)
class Plan:
    """A run, to come or of the past.

    Attributes:
        config: Resolved settings; of a run that has not ended, with the steps taken so far.
        held_out: Which images are held out and why; empty where the source fixes it.
        images: How many there are to learn from; None where they were not looked at.
        networks: Per network, its layers with weights (fields of the `start` event).
        layers: Per network, what each layer costs (`run_cost.of_layers`).
        cost: As in cost.json. Of a run to come, for densities that stay as they start; where a
            method controls one, the operations have besides what it could come to, `lowest` and
            `highest`.
    """

    config: Config
    images: int | None
    networks: dict[str, list[dict[str, Any]]]
    layers: dict[str, list[dict[str, Any]]]
    cost: dict[str, Any]
    held_out: str = ""


def cost_of_run(path: Path, *, trust_code: bool = False) -> Plan:
    """What a run has cost so far, counted anew from its events.

    Networks of one's own are counted as the run itself has counted them; of runs that have not
    written that down they are made once more.

    Args:
        path: The run's directory.
        trust_code: Whether code that config.yaml names may be run, should it be needed (`trust`).

    Raises:
        SparseganError: The directory is no run, or code is needed that is not trusted.
    """
    run = open_run(path)
    config = parse.read(run.config)
    events = list(read_events(run.metrics))
    starts = [event for event in events if event["kind"] == "start"]
    if not build.pairs(config).keys() <= {event.get("pair", "") for event in starts}:
        raise SparseganError(
            f"{run.metrics} does not tell how the run began: restore it, or have `sparsegan resume "
            f"{path} --repair` say it again"
        )
    layers: Mapping[str, run_cost.Layers] | None = None
    if trust.code_of(config, trust.NETWORKS):
        layers = recorded_costs(starts, run.metrics)
    if layers is None:
        trust.require(config, run.config, trust_code=trust_code, settings=trust.NETWORKS)
        layers = _layers(config, forecast.pairs(config))
    if not run.is_finished():
        config = replace(config, steps=max(1, *(event["step"] for event in events)))
    counted = run_cost.summary(config, layers, events)
    if run.cost.is_file():  # what was measured cannot be counted anew
        counted |= {"seconds": _seconds(run.cost)}
    by_layer = run_cost.of_layers(config, layers, events)
    return Plan(config, None, _networks(starts), by_layer, counted)


def _seconds(path: Path) -> Any:
    try:
        told = json.loads(path.read_text()).get("seconds")
        return told and {which: float(told[which]) for which in ("run", "dense")}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise SparseganError(
            f"{path} is not what a run has written: restore it, or remove it and count without "
            "seconds"
        ) from None


def plan(config: Config) -> Plan:
    """What a run would train, after a look at its data.

    Raises:
        SparseganError: As `train` would for the same configuration.
    """
    images = kinds.images(config)
    config = kinds.resolve(config, images)
    memory.require(config)
    kinds.batches(images, config, 0, config.fabric.devices, torch.device("cpu"))
    sets = kinds.sets(images, kinds.studio(config, images))
    if config.start.run is not None:
        networks = {
            named(name, pair): network
            for pair, own in forecast.pairs(config).items()
            for name, network in own.items()
        }
        start.read(config, networks)
    held_out = " / ".join(
        text for text in dict.fromkeys(one.notes.held_out for one in sets.values()) if text
    )
    return replace(_counted(config, len(images)), held_out=held_out)


def outline(config: Config) -> Plan:
    """What a run would cost; of official data sets, and where all is said, no image is needed.

    Raises:
        SparseganError: A setting is out of its range, or the data are needed and not there.
    """
    blank = forecast.blank_images(config)
    images = kinds.images(config) if blank is None else blank
    known = blank is None or not kinds.is_cycle(config)
    return _counted(kinds.resolve(config, images), len(images) if known else None)


def _counted(config: Config, images: int | None) -> Plan:
    pairs = forecast.pairs(config)
    layers, starts = _layers(config, pairs), []
    for pair, own in pairs.items():
        networks = network_layers(forecast.start_counts(config, own), layers[pair])
        starts.append({"kind": "start", "step": 0, "pair": pair, "networks": networks})
    counted = run_cost.summary(config, layers, starts)
    for which, moves in forecast.extremes(config, pairs).items():
        reached = run_cost.summary(config, layers, [*starts, *moves])
        for convention in cost.CONVENTIONS:
            counted["flops"][convention][which] = reached["flops"][convention]["run"]
    by_layer = run_cost.of_layers(config, layers, starts)
    return Plan(config, images, _networks(starts), by_layer, counted)


def _layers(config: Config, pairs: Mapping[str, forecast.Networks]) -> dict[str, run_cost.Layers]:
    return {
        pair: layer_costs(config, own["generator"], own["discriminator"])
        for pair, own in pairs.items()
    }


def _networks(starts: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The layers of all networks, out of the `start` events."""
    return {
        named(name, event.get("pair", "")): rows
        for event in starts
        for name, rows in event["networks"].items()
    }
