"""What the command line shows of a study: what is to run, how it stands, what came of it."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sparsegan import study as studies
from sparsegan.errors import printable
from sparsegan.study.file import Study
from sparsegan.study.forecast import Forecast
from sparsegan.study.progress import Progress
from sparsegan.study.runner import cores
from sparsegan.train.progress import duration
from sparsegan.words import counted

_ORDER = ("running", "failed", "diverged", "changed", "stopped", "waiting", "finished")
_COLOURS = {"running": "cyan", "finished": "green", "diverged": "magenta", "failed": "red"}


def heading(study: Study, progress: Sequence[Progress]) -> str:
    """What the study is, and how it stands, a line each."""
    parts = [counted(len(study.arms), "arm"), *(f"axis {key}" for key in study.axes)]
    parts.append(counted(len(study.seeds), "seed"))
    lines = [
        f"study {study.name}: {counted(len(study.cells), 'cell')} of {', '.join(parts)}, "
        f"in {study.directory}"
    ]
    if study.about:
        lines.append(study.about)
    lines.append(counts(progress))
    changed = [each for each in progress if each.standing.status == "changed"]
    lines += [
        f"{each.cell.name} begins anew, its settings have changed: {each.standing.reason}"
        for each in changed[:10]
    ]
    if len(changed) > 10:
        lines.append(f"and {len(changed) - 10} more; their earlier runs are kept in set-aside")
    left_out = study.left_out()
    if left_out:
        names = ", ".join(left_out[:5]) + (", …" if len(left_out) > 5 else "")
        lines.append(
            f"{counted(len(left_out), 'cell')} of the folder no longer in the study, kept "
            f"and left out of tables: {names}"
        )
    return printable_lines(lines)


def printable_lines(lines: Iterable[str]) -> str:
    """Lines without characters that could move the cursor."""
    return "\n".join(printable(line) for line in lines)


def counts(progress: Sequence[Progress]) -> str:
    """How many cells have each status.

    Example: `2 running, 3 waiting, 1 finished`.
    """
    of = Counter(each.standing.status for each in progress)
    return ", ".join(f"{of[status]} {status}" for status in _ORDER if of[status])  # type: ignore[index]


def forecast_table(forecast: Forecast, left: Sequence[Progress]) -> Table:
    """What each arm takes at each point, by its pilot."""
    table = Table(box=None, pad_edge=False)
    table.add_column("to run")
    for column in ("cells", "steps", "ms a step", "s an evaluation", "a cell, alone"):
        table.add_column(column, justify="right")
    for point in dict.fromkeys(each.cell.point for each in left):
        own = [each for each in left if each.cell.point == point]
        pilot = forecast.pilots.get(point)
        longest = max(forecast.seconds[each.cell.name] for each in own)
        steps = max(each.cell.config.steps for each in own)
        timed = (
            ("", "") if pilot is None else (f"{1e3 * pilot.step:.1f}", f"{pilot.evaluation:.1f}")
        )
        table.add_row(point, str(len(own)), f"{steps:,}", *timed, duration(longest))
    return table


def forecast_text(forecast: Forecast, left: Sequence[Progress], workers: int | None) -> str:
    """How long all will take with so many workers; None: with as many as a cluster has free."""
    if workers is None:
        return (
            f"{counted(len(left), 'cell')} to run: about {duration(forecast.total(1))} of "
            "computing, by steps timed here and now, shared by what the cluster has free"
        )
    at_once = max(1, workers // max(cores(each.cell.config) for each in left))
    return (
        f"{counted(len(left), 'cell')} to run: about {duration(forecast.total(at_once))} with "
        f"{at_once} at a time, by steps timed here and now"
    )


class Display:
    """A live table of cells on a terminal; elsewhere a line for each cell that stands otherwise."""

    def __init__(self, console: Console, progress: Sequence[Progress]) -> None:
        self.console = console
        self._live: Live | None = None
        self._before = {each.cell.name: each.standing for each in progress}

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, progress: Sequence[Progress]) -> None:
        """Show every cell as it stands."""
        for each in progress:
            name, now = each.cell.name, each.standing
            before, self._before[name] = self._before[name], now
            if before.status != now.status:
                self._changed(each)
            elif len(now.anew) > len(before.anew):
                self.say(f"{name} begins anew: {now.anew[-1]}")
        if self._live is not None:
            self._live.update(self._renderable(progress))

    def _changed(self, each: Progress) -> None:
        status, reason = each.standing.status, each.standing.reason
        if self._live is None or status in ("failed", "diverged"):
            self.say(f"{each.cell.name}: {status}" + (f", {reason}" if reason else ""))

    def say(self, line: str) -> None:
        """Print a line, above the live table where there is one."""
        self.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def _renderable(self, progress: Sequence[Progress]) -> RenderableType:
        room = max(4, self.console.height - 4)
        shown = list(progress)
        if len(shown) > room:  # what there is to see first
            shown = sorted(shown, key=lambda each: _ORDER.index(each.standing.status))[:room]
        return Group(_cells(shown), Text(counts(progress)))


def _cells(progress: Sequence[Progress]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("cell", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("step", "steps/s", "left", "evaluation"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for each in progress:
        at, left = each.standing, each.seconds_left
        running = at.status == "running"
        remark = at.reason or (f"began anew: {at.anew[-1]}" if at.anew else "")
        table.add_row(
            each.cell.name,
            Text(at.status, style=_COLOURS.get(at.status, "")),
            f"{each.step}/{each.cell.config.steps}",
            f"{each.rate:.1f}" if running and each.rate else "",
            duration(left) if running and left else "",
            "" if each.value is None else f"{each.value:.4f}",
            Text(printable(remark)),
        )
    return table


def outcome(table: studies.Table) -> RenderableType:
    """What came of the cells, those of all seeds together."""
    metric = next((row["metric"] for row in table if row["metric"]), None)
    lines = [f"evaluation: {metric}, at 90, 95 and 100 % of the steps, less is better"]
    lines = lines if metric else []
    shown = Table(box=None, pad_edge=False)
    shown.add_column("arm")
    for key in table.axes:
        shown.add_column(key.rpartition(".")[2])
    for column in (
        "finished",
        "evaluation",
        "best",
        "weights of G",
        "operations",
        "seconds",
    ):
        shown.add_column(column, justify="right")
    points: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table:
        points.setdefault((row["arm"], *(str(row[key]) for key in table.axes)), []).append(row)
        if row["status"] in ("failed", "diverged"):
            lines.append(f"{row['cell']} has {row['status']}: {row['reason']}")
        if row["anew"]:
            lines.append(f"{row['cell']} began anew: {row['anew']}")
    for point, rows in points.items():
        done = [row for row in rows if row["status"] == "finished"]
        shown.add_row(
            point[0],
            *("–" if value == "None" else value for value in point[1:]),
            f"{len(done)} of {len(rows)}",
            _mean(done, "primary", ".4f", spread=True),
            _mean(done, "best", ".4f"),
            _mean(done, "generator_weights", ",.0f"),
            _mean(done, "operations", ".3g"),
            _mean(done, "seconds", ".0f"),
        )
    return Group(shown, *(Text(printable(line)) for line in lines))


def _mean(rows: Sequence[dict[str, Any]], key: str, form: str, *, spread: bool = False) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    if not values:
        return "–"
    text = format(statistics.fmean(values), form)
    return f"{text} ± {statistics.stdev(values):{form}}" if spread and len(values) > 1 else text
