"""The tables of costs: every layer, and the whole run beside its dense equal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from sparsegan import cost
from sparsegan.errors import printable
from sparsegan.plan.plan import Plan
from sparsegan.settings import kinds, parse
from sparsegan.settings.config import Config
from sparsegan.words import megabytes

Row = Mapping[str, Any]

_EXTREMES = {
    "density": {
        "lowest": "the run, D's density always falling",
        "highest": "the run, D's density always rising",
    },
    "steps": {
        "lowest": "the run, D's steps always fewer",
        "highest": "the run, D's steps always more",
    },
}
_BESIDE = {"growth": "gradients to grow by", "balance": "measuring the balance ratio"}


def layers_table(plan: Plan) -> Table:
    """Every layer: its weights, and the operations of an image and of a training step."""
    shown = {network: _shown(network, rows) for network, rows in plan.layers.items()}
    table = Table(
        title="Layers: FLOPs of one image and of a training step",
        caption="one multiplication with its addition counts as one; "
        "pub., cons.: by the published and by the consistent convention; "
        "weights: all, masked or not",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    longest = max(len(row["name"]) for rows in shown.values() for row in rows)
    table.add_column("", min_width=longest, no_wrap=True)
    table.add_column("shape")
    for column in ("weights", "density", "image", "step,\npub.", "step,\ncons."):
        table.add_column(column, justify="right", no_wrap=True)
    for rows in shown.values():
        table.add_section()
        for row in rows:
            _add_layer(table, row, plan.config.steps)
    return table


def _shown(network: str, rows: Sequence[Row]) -> list[Row]:
    """The sum of a network's layers, those with weights or products, and all normalisations."""
    norms = [row for row in rows if row["normalises"]]
    listed = [
        {**row, "name": f"  {printable(row['name'])}"}
        for row in rows
        if not row["normalises"] and (row["weights"] or any(_operations(row)))
    ]
    # Layers that a mask may take come first, in order; what stands by itself follows.
    listed.sort(key=lambda row: not row["weights"])
    shown = [_sum(network, rows), *listed]
    return [*shown, _sum("  normalisation", norms)] if norms else shown


def summary(plan: Plan) -> str:
    """The operations and the bytes beside the same networks dense, in a line."""
    counts = plan.cost["flops"]["consistent"]
    beside = sum(plan.cost["overhead"].values())
    ends = [
        (counts[which] + beside) / counts["dense"]
        for which in ("lowest", "run", "highest")
        if which in counts
    ]
    span, moves = f"{min(ends):.0%}", ""
    if len(ends) > 1:
        lever = plan.config.method.settings.lever.replace("_", " ")
        span, moves = f"{span} to {max(ends):.0%}", f", as the discriminator's {lever} moves"
    return (
        f"cost      {span} of the operations of the same networks dense{moves}; "
        f"{size(plan.cost, plan.config)}"
    )


def size(counted: Mapping[str, Any], config: Config) -> str:
    """The size of what is drawn with, packed, beside the dense one's; of both of a pair.

    Args:
        counted: As in cost.json.
        config: Of the run.
    """
    small, large = (counted["bytes"][f"generator_{kind}"] for kind in ("sparse", "dense"))
    several = len(kinds.of(config.network.name).game_names) > 1
    which, of = ("generators", "dense ones'") if several else ("generator", "dense one's")
    return f"{which}: about {megabytes(small)} packed, {small / large:.0%} of the {of}"


def unseen_text(plan: Plan) -> str:
    """A line for each layer whose weights no counted operation uses; empty if there is none."""
    return "\n".join(
        f"{network}, {printable(row['name'])}: {row['unseen']:,} weights are in no "
        "operation that is counted: not used, or in a way that is not counted"
        for network, rows in plan.layers.items()
        for row in rows
        if row["unseen"]
    )


def filled_text(plan: Plan) -> str:
    """A line for each masked layer that is counted as dense; empty if there is none."""
    return "\n".join(
        f"{network}, {row['name']}: makes its weight anew in the forward, and zeros of the mask "
        "may not be zeros of the result: its products are counted as dense"
        for network, rows in plan.layers.items()
        for row in rows
        if row["filled"] and row["masked"]
    )


def scheduled_text(plan: Plan) -> str:
    """What the count of densities to come rests on; empty where none is set on the way."""
    moves = list(plan.config.method.settings.scheduled(plan.config.steps))
    if not moves:
        return ""
    first, last = moves[0].step, moves[-1].step
    when = f"at step {first:,}" if first == last else f"from step {first:,} to step {last:,}"
    return (
        f"Counted with the densities that {plan.config.method.name} sets {when}. Layers share a "
        "density here as when masks are drawn; the weights that go in training decide it, and "
        "operations differ by as much."
    )


def _sum(name: str, rows: Sequence[Row]) -> Row:
    counts = ("weights", "bare_weights", "active_start", "active_end")
    return {
        "name": name,
        "shape": [],
        **{key: sum(row[key] for row in rows) for key in counts},
        **{
            what: {
                convention: {"run": sum(row[what][convention]["run"] for row in rows)}
                for convention in cost.CONVENTIONS
            }
            for what in ("inference", "training")
        },
    }


def _operations(row: Row) -> list[float]:
    return [row["training"][convention]["run"] for convention in cost.CONVENTIONS]


def _add_layer(table: Table, row: Row, steps: int) -> None:
    share, bare = "", row["bare_weights"]
    weights = row["weights"] + bare
    if weights:
        start, end = ((row[f"active_{when}"] + bare) / weights for when in ("start", "end"))
        share = f"{start:.1%}" if start == end else f"{100 * start:.1f}→{end:.1%}"
    table.add_row(
        row["name"],
        "x".join(map(str, row["shape"])),
        f"{weights:,}" if weights else "",
        share,
        short(row["inference"]["consistent"]["run"], 3),
        *(short(spent / steps, 3) for spent in _operations(row)),
        style=None if row["name"].startswith(" ") else "bold",
    )


def cost_table(counted: Mapping[str, Any], steps: int, lever: str = "density") -> Table:
    """Weights, operations, bytes and (where measured) seconds, beside the dense equal.

    Args:
        counted: As in cost.json.
        steps: Generator steps of the run.
        lever: What control would move on the way to `lowest` and `highest`, where they are there.
    """
    table = Table(
        "",
        title=f"Cost of {steps:,} steps beside the same networks dense",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for column in ("this run", "dense", "share"):
        table.add_column(column, justify="right")
    for network, weights in counted["weights"].items():
        _add_weights(table, network, weights)
    sizes = counted["bytes"]
    sizes = sizes["generator_sparse"], sizes["generator_dense"]
    table.add_row("generator file, bytes", *_beside(*sizes, whole))
    for convention in cost.CONVENTIONS:
        table.add_section()
        table.add_row(f"FLOPs, {convention} convention", style="bold")
        for network, image in counted["inference"][convention].items():
            _add_operations(table, f"an image, {network}", image["run"], image["dense"])
        counts = counted["flops"][convention]
        spent, dense = counts["run"], counts["dense"]
        _add_operations(table, "a training step", spent / steps, dense / steps)
        _add_operations(table, "the run", spent, dense)
        if convention == "consistent":
            for kind, name in _BESIDE.items():
                beside = counted["overhead"][kind]
                table.add_row(f"  and {name}", short(beside, of=dense), "", f"{beside / dense:.2%}")
        for which, name in _EXTREMES.get(lever, {}).items():
            if which in counts:
                _add_operations(table, name, counts[which], dense)
    seconds = counted.get("seconds")
    if seconds:
        table.add_section()
        table.add_row("training, seconds", *_beside(seconds["run"], seconds["dense"], _tenths))
    return table


def _add_weights(table: Table, network: str, weights: Mapping[str, int]) -> None:
    never = weights["parameters"] - weights["maskable"]
    for of, whole_of, add in (
        ("maskable weights", weights["maskable"], 0),
        ("all parameters", weights["parameters"], never),
    ):
        starts, ends = (weights[f"maskable_active_{when}"] + add for when in ("start", "end"))
        name = f"{network}, {of}"
        if starts != ends:
            table.add_row(f"{name}, start", *_beside(starts, whole_of, whole))
            name += ", end"
        table.add_row(name, *_beside(ends, whole_of, whole))


def _add_operations(table: Table, name: str, spent: float, dense: float) -> None:
    # As many digits of the share as the published tables have.
    # Both as so many of one power of ten, which is that of the dense networks.
    table.add_row(f"  {name}", short(spent, of=dense), short(dense), f"{spent / dense:.2%}")


def _beside(spent: float, dense: float, form: Any) -> tuple[str, str, str]:
    return form(spent), form(dense), f"{spent / dense:.1%}" if dense else "–"


def as_json(plan: Plan) -> dict[str, Any]:
    """Everything that is counted, with the settings that it was counted for."""
    return {
        "config": parse.to_mapping(plan.config),
        "images": plan.images,
        **plan.cost,
        "layers": plan.layers,
    }


def whole(value: float) -> str:
    """A whole number with its thousands apart.

    Example:
        >>> whole(4266752)
        '4,266,752'
    """
    return f"{round(value):,}"


def short(value: float, digits: int = 4, *, of: float | None = None) -> str:
    """A large number by its first digits and its power of ten, or by that of another number.

    Example:
        >>> short(2.6678e17), short(0.0), short(4.5665e16, of=2.6678e17)
        ('2.668e17', '0', '0.4567e17')
    """
    if not value:
        return "0"
    mantissa, _, power = f"{of or value:.{digits - 1}e}".partition("e")
    if of:
        mantissa = f"{value / 10.0 ** int(power):#.{digits}g}"
    return f"{mantissa}e{int(power)}"


def _tenths(value: float) -> str:
    return f"{value:.1f}"
