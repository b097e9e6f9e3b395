"""The events of a run's metrics.jsonl as typed rows, read tolerantly.

Whatever is missing, of the wrong type or not finite is None: a report must show a run that went
wrong, so it may not fail on one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NETWORKS = ("generator", "discriminator")

Event = Mapping[str, Any]


def number(event: Event, field: str) -> float | None:
    """A finite number, else None."""
    return finite(event.get(field))


def finite(value: object) -> float | None:
    """`value` as a float where it is a finite number (a bool is none), else None.

    Beyond 1e150 a number counts as infinite, so that sums and squares of finite ones are finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if abs(result) < 1e150 else None


def text(event: Event, field: str) -> str:
    """The field as text, empty where it is missing."""
    value = event.get(field)
    return "" if value is None else str(value)


def _share(active: float | None, total: float | None) -> float | None:
    return active / total if active is not None and total else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation: a KID with its interval and floor, and the Fréchet distance beside it."""

    step: int
    metric: str
    value: float | None
    low: float | None
    high: float | None
    floor: float | None
    frechet: float | None
    frechet_floor: float | None

    @classmethod
    def of(cls, step: int, event: Event) -> "Evaluation":
        """The row of an `evaluate` event."""
        fields = ("value", "low", "high", "floor", "frechet", "frechet_floor")
        values = {field: number(event, field) for field in fields}
        return cls(step, text(event, "metric") or "metric", **values)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the controller on the discriminator's density; densities are shares."""

    step: int
    action: str
    reason: str
    balance_ratio: float | None
    before: float | None
    after: float | None

    @classmethod
    def of(cls, step: int, event: Event) -> "Decision":
        """The row of a `decision` event."""
        total = number(event, "total")
        return cls(
            step,
            text(event, "action"),
            text(event, "reason"),
            number(event, "balance_ratio"),
            _share(number(event, "from_active"), total),
            _share(number(event, "to_active"), total),
        )


@dataclass(frozen=True, slots=True)
class Rewire:
    """One change of a mask; `layers` maps a layer to its (active, weights) after the change."""

    step: int
    network: str
    reason: str
    density: float | None
    churn: float | None
    ever_active: float | None
    layers: Mapping[str, tuple[float, float]]
    nearly_empty: tuple[str, ...]

    @classmethod
    def of(cls, step: int, event: Event) -> "Rewire":
        """The row of a `rewire` event."""
        layers = {}
        for row in _rows(event, "layers"):
            if isinstance(row, list) and len(row) == 4:
                after, weights = finite(row[2]), finite(row[3])
                if after is not None and weights:
                    layers[str(row[0])] = (after, weights)
        return cls(
            step,
            text(event, "network"),
            text(event, "reason"),
            _share(number(event, "active"), number(event, "total")),
            number(event, "churn"),
            number(event, "ever_active"),
            layers,
            tuple(str(name) for name in _rows(event, "nearly_empty")),
        )


@dataclass(frozen=True, slots=True)
class LayerSeconds:
    """What one layer takes on either kind of kernels: forward and both gradients of a batch.

    Attributes:
        kind: The layer's type.
        shape: Of the weight.
        masked: Seconds on dense kernels; None where it was not timed, like the next two.
        fixed: Seconds on native kernels at density 0.
        slope: What density 1 adds to it.
        unsupported: Why native kernels cannot compute it; empty where they can.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    masked: float | None
    fixed: float | None
    slope: float | None
    unsupported: str

    @classmethod
    def untimed(cls, name: str) -> "LayerSeconds":
        """A layer of which the name is known."""
        return cls(name, "", (), None, None, None, "")

    @classmethod
    def of(cls, row: Event) -> "LayerSeconds":
        """One of the `layers` of an `engine` event."""
        fit = row.get("fit")
        fit = fit if isinstance(fit, dict) else {}
        shape = tuple(size for size in _rows(row, "shape") if isinstance(size, int))
        masked, fixed, slope = (number(fit, key) for key in ("masked", "fixed", "slope"))
        kind, unsupported = text(row, "kind"), text(row, "unsupported")
        return cls(text(row, "name"), kind, shape, masked, fixed, slope, unsupported)

    def native(self, density: float) -> float | None:
        """Seconds on native kernels at a density."""
        if self.kind == "Linear" and density == 1:
            return self.masked  # native networks multiply dense linear layers densely
        if self.fixed is None or self.slope is None:
            return None
        return self.fixed + self.slope * density


@dataclass(frozen=True, slots=True)
class Kernels:
    """What a network runs on from a step on, and why.

    Attributes:
        measured: Whether the choice follows from a table, and not from what was told.
        layers: What its layers take; told once, at the start.
    """

    step: int
    network: str
    kernels: str
    reason: str
    measured: bool
    layers: tuple[LayerSeconds, ...]

    @classmethod
    def of(cls, step: int, event: Event) -> "Kernels":
        """The row of an `engine` event."""
        return cls(
            step,
            text(event, "network"),
            text(event, "kernels"),
            text(event, "reason"),
            isinstance(event.get("timing"), dict),
            tuple(LayerSeconds.of(r) for r in _rows(event, "layers") if isinstance(r, dict)),
        )


@dataclass(frozen=True, slots=True)
class Layer:
    """A maskable layer as the run began: weights in all and active."""

    name: str
    kind: str
    weights: float
    active: float


def layers_of(start: Event, network: str) -> tuple[Layer, ...]:
    """The masked layers that a `start` event lists for a network."""
    networks = start.get("networks")
    rows = _rows(networks, network) if isinstance(networks, dict) else []
    masked = []
    for row in rows:
        if isinstance(row, dict) and row.get("masked") is not False:
            weights, active = number(row, "weights"), number(row, "active")
            if weights and active is not None:
                masked.append(Layer(text(row, "name"), text(row, "kind"), weights, active))
    return tuple(masked)


def _rows(event: Event, field: str) -> list[Any]:
    value = event.get(field)
    return value if isinstance(value, list) else []
