"""What happens in a run as the events of metrics.jsonl (fields: docs/design.md)."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

import sparsegan
from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.methods import Method, StepEvents
from sparsegan.sparsity import MaskChange
from sparsegan.train import build
from sparsegan.train.config import Config
from sparsegan.train.game import Game
from sparsegan.train.metrics_log import MetricsLog, read_events


class Journal:
    """Writes events to a log; without a log (every rank but the first) it writes nothing."""

    def __init__(self, log: MetricsLog | None) -> None:
        self.log = log
        told = [] if log is None else read_events(log.path)  # what a run before a stop has told
        self._kernels = {e["network"]: e["kernels"] for e in told if e["kind"] == "engine"}

    def write(self, kind: str, step: int, /, **fields: Any) -> None:
        """Append an event."""
        if self.log is not None:
            self.log.write(kind, step, **fields)

    def offset(self) -> int:
        """Bytes on the disk so far."""
        return 0 if self.log is None else self.log.offset()

    def start(self, game: Game) -> None:
        """The `start` event."""
        settings = game.config.method.settings
        band = [settings.low, settings.high] if hasattr(settings, "low") else None
        self.write(
            "start",
            0,
            networks=network_layers(game.method, layer_costs(game.config, game.G, game.D)),
            method=game.config.method.name,
            steps=game.config.steps,
            band=band,
            versions=versions(),
            machine=machine(game),
        )
        self.kernels(0, game.method)

    def kernels(self, step: int, method: Method) -> None:
        """The `engine` event of each network whose choice of kernels is new."""
        for name, network in method.networks.items():
            engine = network.engine
            if self._kernels.get(name) != engine.kernels:
                self._kernels[name] = engine.kernels
                timing = None if engine.timing is None else asdict(engine.timing)
                self.write(
                    "engine",
                    step,
                    network=name,
                    kernels=engine.kernels,
                    reason=engine.reason,
                    timing=timing,
                )

    def step(self, events: StepEvents) -> None:
        """What one call of `after_generator_step` did."""
        step, record, decision = events.step, events.balance, events.decision
        if record is not None:
            self.write(
                "balance",
                step,
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
            self.write("rewire", step, **_rewire_fields(change))
        for warning in events.warnings:
            self.write("warning", step, message=warning)


def _rewire_fields(change: MaskChange) -> dict[str, Any]:
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
    }


def layer_costs(config: Config, G: nn.Module, D: nn.Module) -> dict[str, list[LayerCost]]:
    """Cost of every layer of the generator and of the discriminator, for one sample."""
    device = next(G.parameters()).device
    size, channels = config.data.image_size or 0, config.data.channels or 0
    z = torch.zeros(1, config.network.latent_dim or 0, device=device)
    x = torch.zeros(1, channels, size, size, device=device)
    label = torch.zeros(1, dtype=torch.int64, device=device)
    labels = (label,) if build.classes(config) else ()
    return {"generator": cost.layers(G, z, *labels), "discriminator": cost.layers(D, x, *labels)}


def network_layers(
    method: Method, layers: Mapping[str, Sequence[LayerCost]]
) -> dict[str, list[dict[str, Any]]]:
    """The layers that have weights, with how many of them are active now, and whether by a mask."""

    def rows(costs: Sequence[LayerCost], active: Mapping[str, int]) -> list[dict[str, Any]]:
        return [
            {
                "name": layer.name,
                "kind": layer.kind,
                "shape": list(layer.shape),
                "weights": layer.weights,
                "active": active.get(layer.name, layer.weights),
                "masked": layer.name in active,
                "macs": layer.macs,
            }
            for layer in costs
            if layer.weights
        ]

    return {
        "generator": rows(layers["generator"], method.generator.masks.counts()),
        "discriminator": rows(layers["discriminator"], method.discriminator.masks.counts()),
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


def machine(game: Game) -> dict[str, Any]:
    """What it ran on."""
    device = game.fabric.device
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processes": game.fabric.world_size,
    }
