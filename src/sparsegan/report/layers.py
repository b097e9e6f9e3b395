"""The density of every layer at the start and at the end of training, as dumbbells."""

from collections.abc import Sequence

from sparsegan.record.events import NETWORKS
from sparsegan.report.format import count, percent
from sparsegan.report.markup import escape, fold, section
from sparsegan.report.read import RunRecord


def layers_section(runs: Sequence[RunRecord]) -> str:
    """Per-layer densities of both networks; folded away where there are several runs."""
    if len(runs) == 1:
        parts = [_networks(runs[0])]
    else:
        parts = [fold(run.label, body) for run in runs if (body := _networks(run))]
    intro = (
        "Share of a layer's weights that are active: the ring at the start, the dot at the last "
        "change of the mask."
    )
    return section("Layers", *parts, intro=intro)


def _networks(run: RunRecord) -> str:
    drawn = [part for network in NETWORKS if (part := _network(run, network))]
    return f'<div class="networks">{"".join(drawn)}</div>' if drawn else ""


def _network(run: RunRecord, network: str) -> str:
    layers = run.layers(network)
    if not layers:
        return ""
    after = run.layer_densities(network)
    emptied = dict.fromkeys(
        name for row in run.rewires if row.network == network for name in row.nearly_empty
    )
    rows = [
        _row(layer.name, layer.weights, layer.active / layer.weights, after[layer.name])
        for layer in layers
    ]
    warning = ""
    if emptied:
        warning = f'<p class="note">Nearly emptied at some step: {escape(", ".join(emptied))}.</p>'
    heading = f"<h3>{network.capitalize()}</h3>"
    return f'<div>{heading}<div class="layers">{"".join(rows)}</div>{warning}</div>'


def _row(name: str, weights: float, before: float, after: float) -> str:
    start, end = 100 * min(before, 1.0), 100 * min(after, 1.0)
    densities = f"{percent(before)} → {percent(after)}" if before != after else percent(after)
    return (
        f'<span class="name" title="{escape(name)}: {count(weights)} weights">{escape(name)}</span>'
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="track" d="M0 5H100"/>'
        f'<path class="bar" d="M{start:.2f} 5H{end:.2f}"/>'
        f'<path class="ring" d="M{start:.2f} 5h0"/><path class="hole" d="M{start:.2f} 5h0"/>'
        f'<path class="end" d="M{end:.2f} 5h0"/></svg>'
        f'<span class="densities">{densities}</span>'
    )
