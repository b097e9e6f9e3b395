"""What happens in a run as the events of metrics.jsonl (fields: docs/design.md)."""

import math
import operator
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

import sparsegan
from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.data import Images
from sparsegan.data.notes import Notes
from sparsegan.engine import Engine, LayerTiming
from sparsegan.errors import SparseganError
from sparsegan.methods import Method, StepEvents
from sparsegan.record import run_cost
from sparsegan.record.metrics_log import MetricsLog, read_events
from sparsegan.settings.config import Config
from sparsegan.sparsity import MaskChange
from sparsegan.train import build
from sparsegan.train.match import Match


class Journal:
    """Writes events to a log; without a log (every rank but the first) it writes nothing."""

    def __init__(self, log: MetricsLog | None) -> None:
        self.log = log
        told = [] if log is None else read_events(log.path)  # what a run before a stop has told
        self._kernels = {
            (e.get("pair", ""), e["network"]): e["kernels"] for e in told if e["kind"] == "engine"
        }

    def write(self, kind: str, step: int, /, pair: str = "", **fields: Any) -> None:
        """Append an event; of one of several pairs of networks if it has a name."""
        if self.log is not None:
            self.log.write(kind, step, **({"pair": pair} if pair else {}), **fields)

    def offset(self) -> int:
        """Bytes on the disk so far."""
        return 0 if self.log is None else self.log.offset()

    def start(self, match: Match) -> None:
        """The `start` event of each pair of networks."""
        settings = match.config.method.settings
        for pair, game in match.games.items():
            costs = layer_costs(match.config, game.G, game.D)
            active = {
                name: dict(zip(own.masks.names, own.masks.initial_counts, strict=True))
                for name, own in game.method.networks.items()
            }
            self.write(
                "start",
                0,
                pair,
                networks=network_layers(active, costs),
                costs={name: [asdict(layer) for layer in own] for name, own in costs.items()},
                method=match.config.method.name,
                steps=match.config.steps,
                band=settings.band,
                versions=versions(),
                machine=machine(match),
                coverage={
                    name: {"parameters": counted.parameters, "masked": counted.masked}
                    for name, counted in game.method.inspection.coverage.items()
                },
            )
            for warning in game.method.inspection.warnings:
                self.write("warning", 0, pair, message=warning)
            self.kernels(0, pair, game.method)

    def repair(self, match: Match, message: str) -> None:
        """The `repair` event, behind what leads from the masks that are told to those there are."""
        events = [] if self.log is None else list(read_events(self.log.path))
        for pair, game in match.games.items():
            told = run_cost.histories(e for e in events if e.get("pair", "") == pair)
            for name, network in game.method.networks.items():
                masks, last = network.masks, told[name][-1][1]
                rows = tuple(
                    (layer, round(last.get(layer, 1.0) * size), masks.counts()[layer], size)
                    for layer, size in masks.sizes().items()
                )
                if any(before != now for _, before, now, _ in rows):
                    change = MaskChange(
                        reason="repair",
                        dropped=sum(max(0, before - now) for _, before, now, _ in rows),
                        grown=sum(max(0, now - before) for _, before, now, _ in rows),
                        active=masks.active,
                        total=masks.total,
                        ever_active=masks.ever_active,
                        layers=rows,
                        nearly_empty=(),
                        network=name,
                    )
                    self.write("rewire", match.step, pair, **_rewire_fields(change))
        self.write("repair", match.step, message=message)

    def data(self, sets: Mapping[str, Images]) -> None:
        """The `data` event of each split of which there is something to say."""
        for split, images in sets.items():
            if images.notes != Notes():
                fields = asdict(images.notes)
                self.write("data", 0, split=split, images=len(images), **fields)

    def kernels(self, step: int, pair: str, method: Method) -> None:
        """The `engine` event of each network of a pair whose choice of kernels is new."""
        for name, network in method.networks.items():
            engine = network.engine
            if self._kernels.get((pair, name)) != engine.kernels:
                self._kernels[pair, name] = engine.kernels
                fields = kernel_fields(engine)
                if step:  # what a layer takes is a function of its density: once is enough
                    fields["layers"] = None
                self.write("engine", step, pair, network=name, **fields)

    def step(self, pair: str, events: StepEvents) -> None:
        """What one call of `after_generator_step` did to a pair."""
        step, record, decision = events.step, events.balance, events.decision
        if record is not None:
            self.write(
                "balance",
                step,
                pair,
                real=record.real,
                fake_before=record.fake_before,
                fake_after=record.fake_after,
                ratio=record.ratio,
                valid=record.valid,
            )
        if decision is not None:
            reading = decision.reading
            self.write(
                "decision",
                step,
                pair,
                action=decision.action,
                reason=decision.reason,
                balance_ratio=reading.value,
                records=reading.records,
                valid=reading.valid,
                invalid=reading.invalid,
                nonfinite=reading.nonfinite,
                from_active=decision.from_active,
                to_active=decision.to_active,
                total=decision.total,
            )
        for change in events.changes:
            self.write("rewire", step, pair, **_rewire_fields(change))
        for warning in events.warnings:
            self.write("warning", step, pair, message=warning)


def kernel_fields(engine: Engine) -> dict[str, Any]:
    """What a network runs on, why, and what it and its layers take."""
    return {
        "kernels": engine.kernels,
        "reason": engine.reason,
        "timing": None if engine.timing is None else asdict(engine.timing),
        "layers": None if engine.layers is None else [_layer_fields(one) for one in engine.layers],
    }


def _layer_fields(layer: LayerTiming) -> dict[str, Any]:
    return {**asdict(layer), "shape": list(layer.shape), "input": list(layer.input)}


def _rewire_fields(change: MaskChange) -> dict[str, Any]:
    back = {} if change.resurrected is None else {"resurrected": change.resurrected}
    return {
        "network": change.network,
        "reason": change.reason,
        "dropped": change.dropped,
        "grown": change.grown,
        "active": change.active,
        "total": change.total,
        "churn": change.churn,
        "ever_active": change.ever_active,
        "layers": change.layers,
        "nearly_empty": change.nearly_empty,
        **back,
    }


def layer_costs(config: Config, G: nn.Module, D: nn.Module) -> dict[str, list[LayerCost]]:
    """Cost of every layer of the generator and of the discriminator, for one sample."""
    device = next(G.parameters()).device
    size, channels = config.data.image_size or 0, config.data.channels or 0
    x = torch.zeros(1, channels, size, size, device=device)
    length = config.network.latent_dim
    z = x if length is None else torch.zeros(1, length, device=device)
    label = torch.zeros(1, dtype=torch.int64, device=device)
    labels = (label,) if build.classes(config) else ()
    return {"generator": cost.layers(G, z, *labels), "discriminator": cost.layers(D, x, *labels)}


def recorded_costs(
    starts: Iterable[Mapping[str, Any]], origin: Path
) -> dict[str, Mapping[str, Sequence[LayerCost]]] | None:
    """Cost of every layer by pair and network, out of the `start` events; None: it is not there.

    Args:
        starts: The events.
        origin: Their file, for the message.

    Raises:
        SparseganError: What is there is no cost of a layer.
    """
    told = {event.get("pair", ""): event.get("costs", {}) for event in starts}
    if {} in told.values():
        return None
    names = ("generator", "discriminator")
    try:
        return {
            pair: {n: [_cost(row) for row in own[n]] for n in names} for pair, own in told.items()
        }
    except (TypeError, KeyError, AttributeError) as error:
        raise SparseganError(
            f"the start event of {origin} has no costs of layers ({error}): restore the file"
        ) from None


def _cost(row: Mapping[str, Any]) -> LayerCost:
    counts = {key: operator.index(row[key]) for key in row.keys() - {"name", "kind", "shape"}}
    shape = tuple(map(operator.index, row["shape"]))
    filled = bool(counts.pop("filled", 0))  # which older runs have not told
    kind = str(row["kind"])
    return LayerCost(name=str(row["name"]), kind=kind, shape=shape, filled=filled, **counts)


def network_layers(
    active: Mapping[str, Mapping[str, int]], layers: Mapping[str, Sequence[LayerCost]]
) -> dict[str, list[dict[str, Any]]]:
    """The layers that have weights, with how many of them are active, and whether by a mask.

    Args:
        active: Active weights of each masked layer, by network.
        layers: All layers, by network.
    """
    return {
        network: [
            {
                "name": layer.name,
                "kind": layer.kind,
                "shape": list(layer.shape),
                "weights": layer.weights,
                "active": active[network].get(layer.name, layer.weights),
                "masked": layer.name in active[network],
                "macs": layer.macs,
            }
            for layer in costs
            if layer.weights
        ]
        for network, costs in layers.items()
    }


def balance_of(events: StepEvents) -> float | None:
    """The window's balance ratio, or None while there is none."""
    if events.reading is None or math.isnan(events.reading.value):
        return None
    return events.reading.value


def versions() -> dict[str, str]:
    """What ran."""
    return {
        "sparsegan": sparsegan.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def machine(match: Match) -> dict[str, Any]:
    """What it ran on."""
    device = match.fabric.device
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processes": match.fabric.world_size,
    }
