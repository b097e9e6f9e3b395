"""The tables of kernels: what is chosen for each network, and its layers one by one."""

from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from sparsegan.plan.measure import Measured
from sparsegan.report.format import figure


def choices_text(networks: list[Measured]) -> str:
    """A line for each network: the reason, and the kernels that are chosen."""
    width = max(len(one.name) for one in networks)
    return "\n".join(f"{one.name:<{width}}  {one.reason} → {one.kernels}" for one in networks)


def kernels_table(networks: list[Measured]) -> Table:
    """Every layer: milliseconds on either kind of kernels, their ratio, and what it runs on."""
    table = Table(
        title=f"Kernels: ms of forward and gradients of a batch{_machine(networks)}",
        caption="a network is timed and chosen as a whole; a layer goes with the rest of it",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("", no_wrap=True)
    table.add_column("shape")
    for column in ("density", "masked", "native", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("choice")
    for one in networks:
        table.add_section()
        whole = one.timing
        times = None if whole is None else whole["fixed"] + whole["slope"] * one.density
        masked = None if whole is None else whole["masked"]
        row = _figures(one.density, masked, times)
        table.add_row(one.name, "", *row, one.kernels, style="bold")
        for layer in one.layers:
            row = _figures(layer.density, layer.masked, layer.native)
            choice = f"{layer.kernels}: {layer.reason}"
            table.add_row(f"  {layer.name}", layer.shape, *row, choice)
    return table


def _machine(networks: list[Measured]) -> str:
    tables = [one.timing for one in networks if one.timing is not None]
    return f", {tables[0]['isa']}, {tables[0]['threads']} thread(s)" if tables else ""


def _figures(density: float, masked: float | None, native: float | None) -> list[str]:
    ratio = masked / native if masked and native else None
    times = (None if seconds is None else 1000 * seconds for seconds in (masked, native))
    return [f"{density:.1%}", *(figure(one) for one in (*times, ratio))]


def as_json(networks: list[Measured]) -> dict[str, Any]:
    """Measurements and choices by network; times in seconds."""
    return {
        one.name: {
            **asdict(one),
            "layers": [{**asdict(layer), "ratio": layer.ratio} for layer in one.layers],
        }
        for one in networks
    }
