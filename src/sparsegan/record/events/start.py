"""What a run says at its start, of its networks and of its images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sparsegan.record.events.base import NETWORKS, Event, is_share


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with weights, as the run begins.

    Attributes:
        name: The module's path in its network.
        kind: Its type.
        shape: Of the weight.
        weights: Entries of the weight.
        active: Of those that are active.
        masked: Whether a mask takes them.
        macs: Multiplications with a weight in the forward of one sample, dense.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    active: int
    masked: bool
    macs: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start(Event):
    """How a run begins.

    Attributes:
        networks: {generator, discriminator}: list of {name, kind, shape, weights, active, masked
            (whether a mask takes the layer), macs}, of the layers with weights.
        costs: {generator, discriminator}: list of all fields of `cost.LayerCost`, of every layer.
        method: The method's name.
        steps: Generator steps of the whole run.
        band: [low, high] of the controller, or null.
        other_signal: `signal` in the file: what is to lie in it where it is not the balance
            ratio, sign.
        versions: Of sparsegan, torch and python.
        machine: system, architecture, device, instruction_set, threads, processes.
        coverage: {generator, discriminator}: {parameters, masked}, counts of entries.
    """

    kind: ClassVar[str] = "start"

    networks: Mapping[str, tuple[Layer, ...]]
    costs: Mapping[str, Any] = field(default_factory=dict)
    method: str
    steps: int | None
    band: tuple[float, float] | None
    other_signal: str | None = field(default=None, metadata={"key": "signal"})
    versions: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signal(self) -> str:
        """What is to lie in the band."""
        return self.other_signal or "ratio"

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether the layers of both networks are listed with their weights."""
        networks, costs = line.get("networks"), line.get("costs", {})  # older runs have no costs
        return _has_rows(networks, _is_layer) and (costs == {} or _has_rows(costs, _is_cost))

    def masked(self, network: str) -> tuple[Layer, ...]:
        """The masked layers of a network."""
        layers = self.networks.get(network, ())
        return tuple(layer for layer in layers if layer.masked and layer.weights > 0)


def _has_rows(networks: Any, is_row: Callable[[Any], bool]) -> bool:
    return isinstance(networks, dict) and all(
        isinstance(networks.get(name), list) and all(map(is_row, networks[name]))
        for name in NETWORKS
    )


def _is_cost(row: Any) -> bool:
    return isinstance(row, dict)


def _is_layer(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("masked"), bool)
        and is_share(row.get("active"), row.get("weights"))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Data(Event):
    """Remarks on a set of images; at the start, for each set that has any.

    Attributes:
        split: train or test; of unpaired sets trainA or trainB.
        images: How many there are.
        held_out: What is held out and why.
        warnings: Sentences on what the user may not expect.
        skipped: Files that cannot be read, each with the reason.
    """

    kind: ClassVar[str] = "data"

    split: str
    images: int | None
    held_out: str
    warnings: tuple[str, ...]
    skipped: tuple[str, ...]
