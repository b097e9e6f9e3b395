"""What the command line prints of a plan and of a finished run."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from sparsegan.train.config import NetworkConfig
from sparsegan.train.metrics_log import read_events
from sparsegan.train.plan import Plan
from sparsegan.train.run import RunDirectory

_CONVENTIONS = ("published", "consistent")


def plan_text(plan: Plan) -> str:
    """What a run would do, a line for each part."""
    config, data = plan.config, plan.config.data
    shown = config.steps * config.discriminator_steps * config.batch_size
    epochs = f" ({shown / plan.images:.1f} times each)" if plan.images else ""
    settings = config.method.settings
    densities = []
    for network, rows in plan.networks.items():
        masked = [row for row in rows if row["masked"]]
        active, weights = (sum(row[key] for row in masked) for key in ("active", "weights"))
        densities.append(f"{network} {active / weights:.1%} of {weights:,} maskable weights")
    return "\n".join(
        [
            f"data      {data.source} {data.path or '(as packaged)'}: {plan.images} images, "
            f"{data.image_size} x {data.image_size}, {data.channels} channel(s)",
            f"networks  {_networks(config.network)}, latent dimension {config.network.latent_dim}",
            f"method    {config.method.name}, allocation {settings.allocation}; "
            f"density at the start: {', '.join(densities)}",
            f"training  {config.steps} steps with {config.discriminator_steps} discriminator "
            f"step(s) each; batches of {config.batch_size} and {config.generator_batch_size}; "
            f"{shown} real images shown{epochs}",
        ]
    )


def _networks(chosen: NetworkConfig) -> str:
    pair = (chosen.generator or chosen.name, chosen.discriminator or chosen.name)
    return " and ".join(dict.fromkeys(pair))


def layers_table(networks: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Every layer that has weights, at the start: its shape, active weights, and operations."""
    table = Table("", "shape", title="Layers at the start")
    for column in ("weights", "active", "density", "MACs"):
        table.add_column(column, justify="right")
    for network, rows in networks.items():
        table.add_row(network, style="bold")
        for row in rows:
            density = row["active"] / row["weights"]
            table.add_row(
                f"  {row['name']}",
                "x".join(map(str, row["shape"])),
                f"{row['weights']:,}",
                f"{row['active']:,}",
                f"{density:.1%}",
                f"{round(row['macs'] * density):,}",
            )
        table.add_section()
    return table


def cost_table(cost: Mapping[str, Any], steps: int) -> Table:
    """Weights, operations, bytes and (where measured) seconds, beside the dense equal."""
    table = Table("", title=f"Cost of {steps:,} steps beside the same networks dense")
    for column in ("this run", "dense", "share"):
        table.add_column(column, justify="right")
    _add_cost_rows(table, cost)
    table.add_section()
    for convention in _CONVENTIONS:
        spent, dense = cost["flops"][convention]["run"], cost["flops"][convention]["dense"]
        name = f"FLOPs of a step, {convention}"
        table.add_row(name, *_pair(spent / steps, dense / steps, _short))
    return table


def quality_table(run: RunDirectory) -> Table | None:
    """The first and the last evaluation of a run beside the floor; None without evaluations."""
    evaluations = [e for e in read_events(run.metrics) if e["kind"] == "evaluate"]
    if not evaluations:
        return None
    first, last = evaluations[0], evaluations[-1]
    # The name of the metric stands above the columns, where 80 columns do not cut it off.
    table = Table("", title=f"{last['metric']}, n = {last['n']}")
    for column in ("distance", "95 % interval", "Fréchet distance"):
        table.add_column(column, justify="right")
    for event in (first, last):
        row = (_number(event["value"]), _interval(event), _number(event["frechet"]))
        table.add_row(f"step {event['step']}", *row)
    floor = (_number(last["floor"]), "", _number(last["frechet_floor"]))
    table.add_row("real against real", *floor)
    return table


def _add_cost_rows(table: Table, cost: Mapping[str, Any]) -> None:
    for network, weights in cost["weights"].items():
        starts, ends = weights["active_start"], weights["active_end"]
        name = f"weights of the {network}"
        if starts != ends:
            table.add_row(f"{name}, start", *_pair(starts, weights["total"], _whole))
            name += ", end"
        table.add_row(name, *_pair(ends, weights["total"], _whole))
    for convention in _CONVENTIONS:
        flops = cost["flops"][convention]
        name = f"training FLOPs, {convention}"
        table.add_row(name, *_pair(flops["run"], flops["dense"], _short))
    sizes = cost["bytes"]
    table.add_row(
        "generator file, bytes",
        *_pair(sizes["generator_sparse"], sizes["generator_dense"], _whole),
    )
    seconds = cost.get("seconds")
    if seconds:
        table.add_row("training, seconds", *_pair(seconds["run"], seconds["dense"], _seconds))


def _pair(spent: float, dense: float, form: Any) -> tuple[str, str, str]:
    return form(spent), form(dense), f"{spent / dense:.1%}" if dense else "–"


def _interval(event: Mapping[str, Any]) -> str:
    return f"[{_number(event['low'])}, {_number(event['high'])}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _whole(value: float) -> str:
    return f"{round(value):,}"


def _short(value: float) -> str:
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    return f"{value:.1f}"
