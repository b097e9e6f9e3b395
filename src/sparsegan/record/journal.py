"""What happens in a run as the events of metrics.jsonl (fields: docs/design.md)."""

import math
import operator
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import sparsegan
from sparsegan.cost import LayerCost
from sparsegan.data import Images
from sparsegan.data.notes import Notes
from sparsegan.engine import Engine, LayerTiming
from sparsegan.errors import SparseganError
from sparsegan.methods import Method, StepEvents
from sparsegan.methods.requests import NOTHING, Requests
from sparsegan.record import run_cost
from sparsegan.record.metrics_log import MetricsLog, read_events
from sparsegan.sparsity import MaskChange


class Journal:
    """Writes events to a log; without a log (every rank but the first) it writes nothing."""

    def __init__(self, log: MetricsLog | None) -> None:
        self.log = log
        # What a run wrote before a stop.
        logged = [] if log is None else list(read_events(log.path))
        self._kernels = {
            (e.get("pair"), e["network"]): e["kernels"] for e in logged if e["kind"] == "engine"
        }
        self._requests = {e.get("pair"): Requests.of(e) for e in logged if e["kind"] == "request"}

    def write(self, kind: str, step: int, /, game: str | None = None, **fields: Any) -> None:
        """Append an event; of one of several games if it has a name."""
        if self.log is not None:
            self.log.write(kind, step, **({"pair": game} if game else {}), **fields)

    def offset(self) -> int:
        """Bytes on the disk so far."""
        return 0 if self.log is None else self.log.offset()

    def catch_up(self, step: int, game: str | None, method: Method) -> None:
        """The `rewire` events that lead from the masks that are logged to those there are."""
        logged = [] if self.log is None else read_events(self.log.path)
        histories = run_cost.histories(e for e in logged if e.get("pair") == game)
        for name, network in method.networks.items():
            masks, last = network.masks, histories[name][-1][1]
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
                self.write("rewire", step, game, **_rewire_fields(change))

    def data(self, sets: Mapping[str, Images]) -> None:
        """The `data` event of each split of which there is something to say."""
        for split, images in sets.items():
            if images.notes != Notes():
                fields = asdict(images.notes)
                self.write("data", 0, split=split, images=len(images), **fields)

    def kernels(self, step: int, game: str | None, method: Method) -> None:
        """The `engine` event of each network of a game whose choice of kernels is new."""
        for name, network in method.networks.items():
            engine = network.engine
            if self._kernels.get((game, name)) != engine.kernels:
                self._kernels[game, name] = engine.kernels
                fields = kernel_fields(engine)
                if step:  # what a layer takes is a function of its density: once is enough
                    fields["layers"] = None
                self.write("engine", step, game, network=name, **fields)

    def step(self, game: str | None, events: StepEvents) -> None:
        """What one call of `after_generator_step` did in a game."""
        step, record, decision = events.step, events.balance, events.decision
        if record is not None:
            self.write(
                "balance",
                step,
                game,
                real=record.real,
                fake_before=record.fake_before,
                fake_after=record.fake_after,
                ratio=record.ratio,
                valid=record.valid,
                real_positive=record.real_positive,
                fake_spread=record.fake_spread,
                generator_gradient=record.generator_gradient,
                discriminator_gradient=record.discriminator_gradient,
            )
        if decision is not None:
            reading = decision.reading
            self.write(
                "decision",
                step,
                game,
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
            self.write("rewire", step, game, **_rewire_fields(change))
        for warning in events.warnings:
            self.write("warning", step, game, message=warning)
        if events.requests != self._requests.get(game, NOTHING):
            self._requests[game] = events.requests
            self.write("request", step, game, **events.requests.state_dict())


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


def recorded_costs(
    starts: Iterable[Mapping[str, Any]], origin: Path
) -> dict[str | None, Mapping[str, Sequence[LayerCost]]] | None:
    """Cost of every layer by game and network, out of the `start` events; None: it is not there.

    Args:
        starts: The events.
        origin: Their file, for the message.

    Raises:
        SparseganError: What is there is no cost of a layer.
    """
    recorded = {event.get("pair"): event.get("costs", {}) for event in starts}
    if {} in recorded.values():
        return None
    names = ("generator", "discriminator")
    try:
        return {
            game: {name: [_cost(row) for row in costs[name]] for name in names}
            for game, costs in recorded.items()
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
