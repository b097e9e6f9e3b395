"""The charts of a control of D that is not of the balance ratio, or not of the density."""

from collections.abc import Sequence

from sparsegan.record.events import Decision
from sparsegan.report.charts import Chart, Line, Mark
from sparsegan.report.format import UNKNOWN, percent
from sparsegan.report.read import RunRecord
from sparsegan.report.series import Point

LEVERS = {"learning_rate": "learning rate of D, factor", "steps": "steps of D for each of G"}
SIGNALS = {"ratio": "balance ratio", "sign": "positive real scores"}

MARKS_LIMIT = 150


def lever_name(lever: str) -> str:
    """What a lever is called; one of a later version by its name in the events."""
    return LEVERS.get(lever, lever)


def signal_name(signal: str) -> str:
    """What a signal is called; one of a later version by its name in the events."""
    return SIGNALS.get(signal, signal)


def amount(row: Decision, value: float | None) -> str:
    """Where a lever stands: a share in percent, a factor or a number."""
    if row.lever == "density":
        return percent(value)
    return UNKNOWN if value is None else f"{value:.3g}"


def signal(run: RunRecord) -> str:
    """What the controller looks at."""
    return "ratio" if run.start is None else run.start.signal


def looked_at(row: Decision, name: str) -> float | None:
    """The signal that was decided on."""
    return row.real_positive if name == "sign" else row.balance_ratio


def marks(decisions: Sequence[Decision], color: int) -> list[Mark]:
    """Where a curve of the lever was moved; of very many every so many."""
    moves = [row for row in decisions if row.action != "hold" and row.after is not None]
    every = -(-len(moves) // MARKS_LIMIT) or 1
    return [
        Mark(
            row.step,
            row.after or 0.0,
            row.action,
            f"step {row.step:,}: {row.action} {amount(row, row.before)} to "
            f"{amount(row, row.after)}; {row.reason}",
            color,
        )
        for row in moves[::every]
    ]


def signs(runs: Sequence[tuple[int, RunRecord]]) -> Chart | None:
    """The share of positive real scores, where a controller looks at it."""
    own = [(color, run) for color, run in runs if signal(run) == "sign"]
    if not own:
        return None
    lines = [Line(run.label, run.positive, color) for color, run in own]
    bands = sorted({run.band for _, run in own if run.band})
    edges = ", ".join(f"{low:g} to {high:g}" for low, high in bands)
    note = "Share of real images that the discriminator scores above 0, at each measurement."
    return Chart(
        "Positive real scores", lines, f"{note} Band {edges}.", bands=bands, shares=True, wide=True
    )


def levers(runs: Sequence[tuple[int, RunRecord]]) -> list[Chart]:
    """What a controller has moved in the density's place: a chart for each lever."""
    charts = []
    for name in LEVERS:
        own = {
            color: (run, rows)
            for color, run in runs
            if (rows := [row for row in run.decisions if row.lever == name])
        }
        lines = [
            Line(run.label, _course(run, rows), color, "step") for color, (run, rows) in own.items()
        ]
        drawn = [mark for color, (_, rows) in own.items() for mark in marks(rows, color)]
        if lines:
            title = LEVERS[name][0].upper() + LEVERS[name][1:]
            note = "▲ raised, ▼ lowered by the controller." if drawn else ""
            alone = drawn if len(runs) == 1 else []
            charts.append(
                Chart(title, lines, note if alone else "", marks=alone, from_zero=True, wide=True)
            )
    return charts


def _course(run: RunRecord, rows: Sequence[Decision]) -> list[Point]:
    """Where the lever stood from the start to the last step."""
    ends: list[Point] = [(0, rows[0].before), *((row.step, row.after) for row in rows)]
    return [*ends, (run.last_step, rows[-1].after)]


def sentence(run: RunRecord) -> str:
    """What the controller has moved in the density's place; plain text, empty where it has not."""
    rows = [row for row in run.decisions if row.lever != "density"]
    if not rows:
        return ""
    first, last, lever = rows[0], rows[-1], lever_name(rows[0].lever)
    counts = [sum(row.action == action for row in rows) for action in ("raise", "lower")]
    if not sum(counts):
        return f"Its controller left the {lever} at {amount(last, last.after)}."
    return (
        f"Its controller moved the {lever} from {amount(first, first.before)} to "
        f"{amount(last, last.after)}, {counts[0]} times up and {counts[1]} times down."
    )
