"""What a run would train or has trained, and at what cost; nothing is trained or written."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sparsegan.errors import SparseganError
from sparsegan.train import build, kinds, parse, run_cost
from sparsegan.train.config import Config
from sparsegan.train.journal import layer_costs, network_layers
from sparsegan.train.match import named
from sparsegan.train.metrics_log import read_events
from sparsegan.train.run import open_run


@dataclass(frozen=True)
class Plan:
    """A run, to come or of the past.

    Attributes:
        config: Resolved settings; of a run that has not ended, with the steps taken so far.
        images: How many there are to learn from; None where they were not looked at.
        networks: Per network, its layers with weights (fields of the `start` event).
        cost: As in cost.json; of a run to come, for densities that stay as they start.
    """

    config: Config
    images: int | None
    networks: dict[str, list[dict[str, Any]]]
    cost: dict[str, Any]


def cost_of_run(path: Path) -> Plan:
    """What a run has cost so far, counted anew from its events.

    Raises:
        SparseganError: The directory is no run.
    """
    run = open_run(path)
    config = parse.read(run.config)
    layers = {}
    for pair, chosen in build.pairs(config).items():
        built = build.pair(chosen)
        layers[pair] = layer_costs(config, built.generator, built.discriminator)
    events = list(read_events(run.metrics))
    starts = [event for event in events if event["kind"] == "start"]
    if not starts:
        raise SparseganError(f"{run.metrics} has no start event: the run never began")
    if not run.is_finished():
        config = replace(config, steps=max(1, *(event["step"] for event in events)))
    cost = run_cost.summary(config, layers, events)
    if run.cost.is_file():  # what was measured cannot be counted anew
        cost |= {"seconds": json.loads(run.cost.read_text()).get("seconds")}
    return Plan(config, None, _networks(starts), cost)


def plan(config: Config) -> Plan:
    """Build the networks and the masks of a configuration and count them.

    Raises:
        SparseganError: As `train` would for the same configuration.
    """
    images = kinds.images(config)
    config = kinds.resolve(config, images)
    kinds.batches(images, config, 0, config.fabric.devices, torch.device("cpu"))
    kinds.studio(config, images)
    layers, starts = {}, []
    for pair, chosen in build.pairs(config).items():
        built = build.pair(chosen)
        method = build.method(chosen, built)
        layers[pair] = layer_costs(config, built.generator, built.discriminator)
        networks = network_layers(method, layers[pair])
        starts.append({"kind": "start", "step": 0, "pair": pair, "networks": networks})
    cost = run_cost.summary(config, layers, starts)
    return Plan(config, len(images), _networks(starts), cost)


def _networks(starts: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The layers of all networks, out of the `start` events."""
    return {
        named(name, event.get("pair", "")): rows
        for event in starts
        for name, rows in event["networks"].items()
    }
