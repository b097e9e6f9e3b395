"""A study's curves: a line for each group, its mean over seeds, in a band from lowest to highest.

A step has a point where all cells of the group that the line is of have a value there. Those are
its finished cells; where none has finished, all that have begun and neither diverged nor failed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sparsegan.record.events import NETWORKS
from sparsegan.report.charts import Chart, Line, Style, render
from sparsegan.report.format import distance
from sparsegan.report.series import Point
from sparsegan.study.report.groups import PRIMARY, Group, Row
from sparsegan.study.table import Series, Table

COLORS = 8
"""Of the palette, the last one left for what is no group."""

_SHOWN = ("value", "seconds", "balance_ratio", *(f"{name}_density" for name in NETWORKS))


@dataclass(frozen=True)
class Curves:
    """Groups with the series of their cells.

    Attributes:
        groups: Those of the study.
        series: Of each cell by its name; empty before it has begun.
    """

    groups: Sequence[Group]
    series: Mapping[str, Series]

    @classmethod
    def of(cls, table: Table, groups: Sequence[Group]) -> "Curves":
        """Read the series of every cell."""
        return cls(groups, {row["cell"]: _series(table, row) for row in table})

    def cells(self, group: Group) -> list[Series]:
        """The series that a group's lines are of."""
        rows: list[Row] = group.finished or [
            row for row in group.rows if row["status"] in ("running", "stopped")
        ]
        return [points for row in rows if (points := self.series[row["cell"]])]

    def color(self, group: Group) -> int:
        """A group's colour: its own where there are few groups, else its place in its arm."""
        if len(self.groups) <= COLORS:
            return list(self.groups).index(group)
        shown = self._lowest(group.arm)
        return shown.index(group) if group in shown else COLORS

    def facets(self) -> list[tuple[str, list[Group]]]:
        """The groups that share a chart: all where there are few, else an arm's lowest."""
        if len(self.groups) <= COLORS:
            return [("", list(self.groups))]
        arms = dict.fromkeys(group.arm for group in self.groups)
        return [(arm, self._lowest(arm)) for arm in arms]

    def _lowest(self, arm: str) -> list[Group]:
        """As many of an arm's groups as there are colours, those of the lowest means."""
        own = [group for group in self.groups if group.arm == arm]
        kept = sorted(own, key=lambda group: (group.mean(PRIMARY) is None, group.mean(PRIMARY)))
        return [group for group in own if group in kept[:COLORS]]


def quality(curves: Curves, metric: str) -> list[str]:
    """The evaluations over the steps and over the measured seconds."""
    band = "Shaded: from the lowest to the highest seed." if _several(curves) else "One seed each."
    floors = [floor for group in curves.groups if (floor := group.mean("floor")) is not None]
    floor = sum(floors) / len(floors) if floors else None
    drawn = []
    for facet, groups in curves.facets():
        for across, where in (("step", "over steps"), ("seconds", "over seconds of training")):
            lines = [_line(curves, group, "value", across) for group in groups]
            note = band
            if across == "seconds":
                note += " Seconds are the mean over seeds, as measured, without evaluations."
            title = _title(f"{metric} {where}", facet)
            shown = _drawn(lines)
            if shown and floor is not None:
                note += f" Dashed: real images against real images, {distance(floor)}."
                last = max(x for line in shown for x, _ in line.points)
                ends: list[Point] = [(0, floor), (last, floor)]
                shown.append(Line("real against real", ends, COLORS, "dashed"))
            drawn.append(Chart(title, shown, note, from_zero=True, across=across))
    return [render(chart) for chart in drawn]


def densities(curves: Curves) -> list[str]:
    """The densities of both networks over the steps, where they differ or move."""
    drawn = []
    for network in reversed(NETWORKS):
        for facet, groups in curves.facets():
            lines = _drawn(
                [_line(curves, group, f"{network}_density", style="step") for group in groups]
            )
            # Of many groups those that stand still are in the tables.
            values = [{round(value or 0.0, 6) for _, value in line.points} for line in lines]
            moving = any(len(each) > 1 for each in values)
            if moving or (not facet and len(set().union(*values)) > 1):
                title = _title(f"Density of the {network}", facet)
                drawn.append(Chart(title, lines, shares=True, from_zero=True))
    return [render(chart) for chart in drawn]


def balance(curves: Curves) -> list[str]:
    """The balance ratio over the steps."""
    note = "Share of the discriminator's score gap that one generator step closes."
    return [
        render(
            Chart(
                _title("Balance ratio", facet),
                _drawn([_line(curves, group, "balance_ratio") for group in groups]),
                note,
            )
        )
        for facet, groups in curves.facets()
    ]


def _line(
    curves: Curves, group: Group, key: str, across: str = "step", style: Style = "solid"
) -> Line:
    cells = curves.cells(group)
    points = list(_means(cells, key, across))
    alone = len(curves.groups) <= COLORS
    return Line(
        group.name if alone else group.at or group.arm,
        [(x, mean) for x, mean, _, _ in points],
        curves.color(group),
        style,
        dotted=key == "value",
        low=[(x, low) for x, _, low, _ in points] if len(cells) > 1 else (),
        high=[(x, high) for x, _, _, high in points] if len(cells) > 1 else (),
    )


def _means(
    cells: Sequence[Series], key: str, across: str
) -> Iterator[tuple[float, float, float, float]]:
    """Where, mean, lowest and highest at the steps that all cells have."""
    if not cells:
        return
    known = [
        {step: value for step, value in cell.get(key, ()) if value is not None} for cell in cells
    ]
    for step in sorted(set.intersection(*(set(each) for each in known))):
        values = [each[step] for each in known]
        x = float(step)
        if across == "seconds":
            times = [seconds_at(cell.get("seconds", ()), step) for cell in cells]
            if None in times:
                continue
            x = sum(filter(None, times)) / len(times)
        yield x, sum(values) / len(values), min(values), max(values)


def seconds_at(points: Sequence[Point], step: float) -> float | None:
    """Seconds of training at a step, on the line through those that were logged, from 0 on.

    None beyond the last that was logged.

    Example:
        >>> seconds_at([(10, 5.0), (20, 15.0)], 15)
        10.0
    """
    before: tuple[float, float] = (0.0, 0.0)
    for at, value in points:
        if value is None:
            continue
        if at >= step:
            share = (step - before[0]) / (at - before[0]) if at > before[0] else 1.0
            return before[1] + share * (value - before[1])
        before = (at, value)
    return None


def _series(table: Table, row: Row) -> Series:
    """What is drawn of a cell's series; of several pairs of networks their mean."""
    names: list[str] = table.pairs(row)
    pairs = [table.series(row, name) for name in names] or [table.series(row)]
    means = {key: _mean([each.get(key, []) for each in pairs]) for key in _SHOWN}
    return {key: points for key, points in means.items() if points}


def _mean(curves: Sequence[Sequence[tuple[int, float | None]]]) -> list[tuple[int, float | None]]:
    """The mean where all have a value."""
    if len(curves) == 1:
        return list(curves[0])
    known = [{step: value for step, value in each if value is not None} for each in curves]
    steps = sorted(set.intersection(*map(set, known)))
    return [(step, sum(each[step] for each in known) / len(known)) for step in steps]


def _drawn(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.points]


def _several(curves: Curves) -> bool:
    return any(len(curves.cells(group)) > 1 for group in curves.groups)


def _title(what: str, facet: str) -> str:
    return f"{what}: {facet}" if facet else what
