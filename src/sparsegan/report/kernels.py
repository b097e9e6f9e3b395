"""What networks ran on, native kernels or dense masked ones, and what their layers take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sparsegan.record.events import NETWORKS, Kernels, LayerSeconds
from sparsegan.report.format import count, figure, percent
from sparsegan.report.markup import fold, section, table
from sparsegan.report.read import RunRecord
from sparsegan.report.tables import few

_INTRO = (
    "Native kernels compute with active weights only, masked ones with all. The faster is taken, "
    "as timed on the network itself before the first step: as a whole, with the conversions at its "
    "ends and all that lies between its layers. A layer goes with the rest of its network. Its own "
    "milliseconds are of a forward and both gradients of one batch, at the density it ended with."
)


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """What one layer runs on, and why.

    Attributes:
        name: The layer's path in the network.
        shape: Of its weight, such as ``64x32x3x3``; empty where it is not known.
        density: Share of its weights that are active.
        masked: Seconds on dense kernels, forward and both gradients; None where not timed.
        native: Seconds on native kernels at that density; None where not timed or not possible.
        kernels: ``native`` or ``masked``.
        reason: In a few words.
    """

    name: str
    shape: str
    density: float
    masked: float | None
    native: float | None
    kernels: str
    reason: str

    @property
    def ratio(self) -> float | None:
        """How many times faster native kernels are."""
        return self.masked / self.native if self.masked and self.native else None


def layer_choices(
    kernels_used: Kernels, layers: Sequence[LayerSeconds], densities: Mapping[str, float]
) -> list[LayerChoice]:
    """What each layer of a network runs on, and why.

    Args:
        kernels_used: What the network runs on.
        layers: What its layers take; of layers that were not timed only the names count.
        densities: Of the masked layers, by name; the others are dense.
    """
    return [_choice(kernels_used, layer, densities.get(layer.name, 1.0)) for layer in layers]


def _choice(kernels_used: Kernels, layer: LayerSeconds, density: float) -> LayerChoice:
    kernels, reason = kernels_used.kernels, kernels_used.reason
    masked, native = layer.masked, layer.native(density)
    if layer.unsupported:
        kernels, reason = "masked", layer.unsupported
    elif kernels_used.timing is not None and native is not None and masked is not None:
        faster = "native" if native < masked else "masked"
        reason = "faster" if faster == kernels else "with the rest"
        reason = "as fast" if native == masked else reason
    shape = "x".join(map(str, layer.shape))
    return LayerChoice(layer.name, shape, density, masked, native, kernels, reason)


def kernels_section(runs: Sequence[RunRecord]) -> str:
    """What the networks ran on over the steps, and their layers one by one."""
    parts = []
    for run in runs:
        header = ("step", "network", "kernels", "reason")
        rows = [(count(row.step), row.network, row.kernels, row.reason) for row in run.kernels]
        body = table(header, few(rows), len(header)) + "".join(
            _layers(run, name) for name in NETWORKS
        )
        parts.append(body if len(runs) == 1 or not body else fold(run.label, body))
    return section("Kernels", *parts, intro=_INTRO)


def _layers(run: RunRecord, network: str) -> str:
    own = [row for row in run.kernels if row.network == network]
    if not own:
        return ""
    layers = next((row.layers for row in own if row.layers), ())
    if not layers:
        layers = tuple(LayerSeconds(layer.name) for layer in run.layers(network))
    choices = layer_choices(own[-1], layers, run.layer_densities(network))
    header = (
        "layer",
        "weight",
        "kernels",
        "reason",
        "density",
        "masked, ms",
        "native, ms",
        "ratio",
    )
    rows = [
        (
            one.name,
            one.shape,
            one.kernels,
            one.reason,
            percent(one.density),
            _milliseconds(one.masked),
            _milliseconds(one.native),
            figure(one.ratio),
        )
        for one in choices
    ]
    return fold(f"{network.capitalize()}, layer by layer", table(header, rows, 4)) if rows else ""


def _milliseconds(seconds: float | None) -> str:
    return figure(None if seconds is None else 1000 * seconds)
