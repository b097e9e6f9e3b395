"""The charts of a report: one run's networks, or the same curve of several runs, over the steps."""

from collections.abc import Iterator, Sequence

from sparsegan.record.events import NETWORKS, Evaluation
from sparsegan.report import control
from sparsegan.report.charts import Chart, Cloud, Line, Style, render
from sparsegan.report.gauge import gauge
from sparsegan.report.markup import section
from sparsegan.report.read import RunRecord
from sparsegan.report.series import Point

COLORS = 8
_MORE_IS_BETTER = (
    ("precision", "Precision", "Generated images among real ones.", True),
    ("recall", "Recall", "Real images among generated ones.", True),
    ("density", "Density", "How many real images a generated one is among.", False),
    ("coverage", "Coverage", "Real images with a generated one near.", True),
    ("classes_seen", "Classes seen", "As a small classifier tells them.", True),
    ("class_entropy", "Evenness of the classes", "1 where all are as often.", False),
)
"""Fields of an evaluation, with a title, a note, and whether they are shares."""


def balance_section(runs: Sequence[RunRecord]) -> str:
    """Balance ratio with its band, both densities, and what else the controller sees and moves."""
    signs = control.signs(_each(runs))
    charts = [_balance_ratio(runs), *([signs] if signs else []), *_densities(runs)]
    dial = gauge(runs[0]) if len(runs) == 1 else ""
    return section("Balance", dial, _row(runs, *charts, *control.levers(_each(runs))))


def quality_section(runs: Sequence[RunRecord]) -> str:
    """Every metric that was evaluated, with its interval and floor; other numbers beside."""
    metrics = list(dict.fromkeys(row.metric for run in runs for row in run.evaluations))
    charts = [chart for metric in metrics for chart in _metric(runs, metric)]
    fid = _number(runs, "fid", "FID", "Between equal numbers of images.")
    shares = _row(runs, *(_number(runs, *number) for number in _MORE_IS_BETTER), small=True)
    intro = "Distances: lower is better. The others: higher is better."
    return section(
        "Quality",
        _row(runs, *charts, fid) + shares,
        intro=intro if shares else "Lower is better.",
    )


def training_section(runs: Sequence[RunRecord]) -> str:
    """Losses and gradient norms of both networks, and the speed."""
    return section(
        "Training",
        _row(
            runs,
            *_both(runs, "loss", "Losses"),
            *_both(runs, "gradient_norm", "Gradient norms"),
            Chart(
                "Steps per second",
                [_line(run, index, run.curves["steps_per_second"]) for index, run in _each(runs)],
                from_zero=True,
            ),
            small=True,
        ),
    )


def masks_section(runs: Sequence[RunRecord]) -> str:
    """Churn of the masks and the share of weights that were ever active."""
    churn = Chart(
        "Churn",
        _rewire_lines(runs, "churn"),
        "Share of the active weights that are new after a rewiring.",
        shares=True,
        from_zero=True,
    )
    ever = Chart(
        "Ever active",
        _rewire_lines(runs, "ever_active"),
        "Share of all weights that have been active at least once.",
        shares=True,
        from_zero=True,
    )
    return section("Masks", _row(runs, churn, ever))


def _row(runs: Sequence[RunRecord], *charts: Chart, small: bool = False) -> str:
    last = max(run.last_step for run in runs)
    drawn = "\n".join(filter(None, (render(chart, last) for chart in charts)))
    kind = "charts small" if small else "charts"
    return f'<div class="{kind}">\n{drawn}\n</div>' if drawn else ""


def _each(runs: Sequence[RunRecord]) -> list[tuple[int, RunRecord]]:
    return [(index % COLORS, run) for index, run in enumerate(runs)]


def _line(run: RunRecord, color: int, points: Sequence[Point], style: Style = "solid") -> Line:
    return Line(run.label, points, color, style)


def _balance_ratio(runs: Sequence[RunRecord]) -> Chart:
    lines, clouds = [], []
    for color, run in _each(runs):
        windowed = run.curves["balance_ratio"]
        known = any(value is not None for _, value in windowed)
        # Before the first logged window there are single measurements only: these are the curve.
        name = run.label if len(runs) > 1 else "window" if known else "measurements"
        lines.append(Line(name, windowed if known else run.balance, color))
        if known:
            clouds.append(Cloud(run.balance, color))
    bands = sorted({run.band for run in runs if run.band and control.signal(run) == "ratio"})
    edges = ", ".join(f"{low:g} to {high:g}" for low, high in bands)
    measured = sum(len(run.balance) for run in runs)
    invalid = sum(value is None for run in runs for _, value in run.balance)
    notes = [
        "Share of the discriminator's score gap that one generator step closes."
        + (" Line: the window; dots: single measurements." if clouds else ""),
        f"Band {edges}." if edges else "",
        f"{invalid:,} of {measured:,} measurements were not valid." if invalid else "",
    ]
    note = " ".join(filter(None, notes))
    return Chart("Balance ratio", lines, note, clouds, bands, wide=True)


def _densities(runs: Sequence[RunRecord]) -> Iterator[Chart]:
    note = "▲ raised, ▼ lowered, ◆ rewired by the controller."
    if len(runs) == 1:
        run = runs[0]
        lines = [
            Line(network, run.density(network), color, "step")
            for color, network in enumerate(NETWORKS)
        ]
        marks = control.marks([row for row in run.decisions if row.lever == "density"], 1)
        yield Chart(
            "Densities",
            lines,
            note if marks else "",
            marks=marks,
            shares=True,
            from_zero=True,
            wide=True,
        )
        return
    for network in NETWORKS:
        lines = [Line(run.label, run.density(network), color, "step") for color, run in _each(runs)]
        yield Chart(f"Density of the {network}", lines, shares=True, from_zero=True)


def _metric(runs: Sequence[RunRecord], metric: str) -> Iterator[Chart]:
    rows = {run.label: [row for row in run.evaluations if row.metric == metric] for run in runs}
    lines, floors, frechet, frechet_floors = [], [], [], []
    for color, run in _each(runs):
        own = rows[run.label]
        name = run.label if len(runs) > 1 else "value"
        lines.append(
            Line(
                name,
                _points(own, "value"),
                color,
                dotted=True,
                low=_points(own, "low"),
                high=_points(own, "high"),
            )
        )
        frechet.append(Line(name, _points(own, "frechet"), color, dotted=True))
        floors += _points(own, "floor")
        frechet_floors += _points(own, "frechet_floor")
    yield Chart(
        metric,
        [*lines, *_floor(floors)],
        "Shaded: interval of the estimate. Dashed: real images against real images.",
        from_zero=True,
    )
    yield Chart(
        f"Fréchet distance ({metric.removeprefix('kid-')})",
        [*frechet, *_floor(frechet_floors)] if any(_known(line) for line in frechet) else [],
        "Between equal numbers of images. Dashed: real images against real images.",
        from_zero=True,
    )


def _number(
    runs: Sequence[RunRecord], field: str, title: str, note: str, shares: bool = False
) -> Chart:
    """A number of the evaluations beside that of real images; without lines where it has none."""
    lines = []
    for color, run in _each(runs):
        name = run.label if len(runs) > 1 else "value"
        line = Line(name, _points(run.evaluations, field), color, dotted=True)
        lines += [line] if _known(line) else []
    floors = [point for run in runs for point in _points(run.evaluations, f"{field}_floor")]
    return Chart(
        title,
        [*lines, *_floor(floors)] if lines else [],
        f"{note} Dashed: real images against real images.",
        shares=shares,
        from_zero=True,
    )


def _points(rows: Sequence[Evaluation], field: str) -> list[Point]:
    return [(row.step, getattr(row, field)) for row in rows]


def _known(line: Line) -> bool:
    return any(value is not None for _, value in line.points)


def _floor(points: list[Point]) -> list[Line]:
    known = {step: value for step, value in points if value is not None}
    if not known:
        return []
    ordered: list[Point] = sorted(known.items())
    if len(ordered) == 1:  # One evaluation: a line, not a dot.
        ordered = [(0, ordered[0][1]), *ordered]
    return [Line("real against real", ordered, COLORS, "dashed")]


def _both(runs: Sequence[RunRecord], suffix: str, title: str) -> Iterator[Chart]:
    """A curve of both networks: one chart for one run, one for each network for several."""
    if len(runs) == 1:
        curves = [runs[0].curves[f"{network}_{suffix}"] for network in NETWORKS]
        lines = [Line(network, curves[color], color) for color, network in enumerate(NETWORKS)]
        yield Chart(title, lines)
        return
    for network in NETWORKS:
        lines = [_line(run, color, run.curves[f"{network}_{suffix}"]) for color, run in _each(runs)]
        yield Chart(f"{network} {suffix}".replace("_", " ").capitalize(), lines)


def _rewire_lines(runs: Sequence[RunRecord], field: str) -> list[Line]:
    """One line for each network and run that has rewired; several runs: discriminators dashed."""
    lines = []
    for color, run in _each(runs):
        for index, network in enumerate(NETWORKS):
            points: list[Point] = [
                (row.step, getattr(row, field))
                for row in run.rewires
                if row.network == network and (field != "churn" or row.reason == "rewire")
            ]
            if not points:
                continue
            if len(runs) == 1:
                lines.append(Line(network, points, index, dotted=len(points) < 60))
            else:
                style: Style = "dashed" if index else "solid"
                lines.append(Line(f"{run.label}, {network}", points, color, style))
    return lines
