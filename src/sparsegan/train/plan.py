"""What a run would train or has trained, and at what cost; nothing is trained or written."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sparsegan.errors import SparseganError
from sparsegan.train import build, parse, run_cost
from sparsegan.train.batches import Batches
from sparsegan.train.config import Config
from sparsegan.train.journal import layer_costs, network_layers
from sparsegan.train.metrics_log import read_events
from sparsegan.train.run import open_run
from sparsegan.train.studio import Studio


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
    built = build.pair(config)
    layers = layer_costs(config, built.generator, built.discriminator)
    events = list(read_events(run.metrics))
    networks = next((e["networks"] for e in events if e["kind"] == "start"), None)
    if networks is None:
        raise SparseganError(f"{run.metrics} has no start event: the run never began")
    if not run.is_finished():
        config = replace(config, steps=max(1, *(event["step"] for event in events)))
    cost = run_cost.summary(config, layers, events)
    if run.cost.is_file():  # what was measured cannot be counted anew
        cost |= {"seconds": json.loads(run.cost.read_text()).get("seconds")}
    return Plan(config, None, networks, cost)


def plan(config: Config) -> Plan:
    """Build the networks and the masks of a configuration and count them.

    Raises:
        SparseganError: As `train` would for the same configuration.
    """
    images = build.images(config)
    config = build.resolve(config, images)
    Batches(images, config, 0, config.fabric.devices, torch.device("cpu"))
    Studio(config, images)
    built = build.pair(config)
    method = build.method(config, built)
    layers = layer_costs(config, built.generator, built.discriminator)
    networks = network_layers(method, layers)
    start = {"kind": "start", "step": 0, "networks": networks}
    return Plan(config, len(images), networks, run_cost.summary(config, layers, [start]))
