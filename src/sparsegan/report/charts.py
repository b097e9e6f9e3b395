"""Line charts as inline SVG.

The drawing is stretched to the width of its place while strokes keep theirs, and the labels are
text around it: so a chart is as legible on a phone as on a desk. A dot is a stroke of no length
with round ends, since a circle would be stretched to an ellipse.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sparsegan.report.format import figure, percent, short, tick
from sparsegan.report.markup import escape
from sparsegan.report.series import LIMIT, Point, bulk, frame, sample, thin, ticks

WIDTH, HEIGHT = 1000.0, 300.0

Style = Literal["solid", "dashed", "step", "step dashed"]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its points, colour (an index of the palette) and style; `dotted` marks its points.

    `low` and `high` are the edges of a shaded interval around it.
    """

    name: str
    points: Sequence[Point]
    color: int = 0
    style: Style = "solid"
    dotted: bool = False
    low: Sequence[Point] = ()
    high: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Cloud:
    """Faint dots behind the curves."""

    points: Sequence[Point]
    color: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign on a curve, such as a decision: raise, lower or rewire."""

    step: float
    value: float
    kind: str
    title: str
    color: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over the steps, or `across` whatever is named so, in place of "step".

    `band` is a shaded horizontal range; `shares` says that values are shares, shown in percent;
    `from_zero` puts the lower edge at zero; `wide` gives the chart a row of its own.
    """

    title: str
    lines: Sequence[Line]
    note: str = ""
    clouds: Sequence[Cloud] = ()
    bands: Sequence[tuple[float, float]] = ()
    marks: Sequence[Mark] = ()
    shares: bool = False
    from_zero: bool = False
    wide: bool = False
    across: str = "step"

    @property
    def format(self) -> Callable[[float | None], str]:
        """How a value is written."""
        return percent if self.shares else figure


@dataclass(frozen=True, slots=True)
class _Frame:
    right: float
    low: float
    high: float

    def x(self, step: float) -> float:
        return WIDTH * step / self.right

    def y(self, value: float) -> float:
        # What lies far outside is cut off by the drawing's edge; its exact place does not matter.
        share = (self.high - value) / (self.high - self.low)
        return HEIGHT * min(max(share, -9.0), 10.0)


def render(chart: Chart, last_step: float = 0) -> str:
    """The chart as a figure over the steps from 0 to `last_step`, or to its own last if later.

    Nothing where the chart has no value to show.
    """
    if not any(_known(line.points) for line in chart.lines):
        return ""
    around = _frame(chart, last_step)
    limit = max(LIMIT * 4 // max(len(chart.lines), 4), LIMIT // 6)
    drawn = [_thinned(line, limit) for line in chart.lines]
    parts = [_band(low, high, around) for low, high in chart.bands]
    parts += [_grid(around)]
    parts += [_cloud(cloud, around) for cloud in chart.clouds]
    parts += [_ribbon(line, around) for line in drawn]
    parts += [_curve(line, around) for line in drawn]
    body = "\n".join(part for part in parts if part)
    labels = "".join(_labels(chart, around))
    marks = "".join(_mark(mark, around) for mark in chart.marks)
    outside = _outside(chart, around)
    note = " ".join(part for part in (chart.note, outside) if part)
    return f"""<figure class="chart{" wide" if chart.wide else ""}">
<figcaption><b>{escape(chart.title)}</b>{_legend(chart)}</figcaption>
<div class="plot" data-right="{around.right:g}" data-across="{escape(chart.across)}">
<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" \
aria-label="{escape(chart.title)}">
{body}
</svg>
{labels}{marks}
<script type="application/json">{_readout(chart, drawn)}</script>
</div>
<p class="note">{escape(note)}</p>
</figure>"""


def _thinned(line: Line, limit: int) -> Line:
    points, low, high = (thin(each, limit) for each in (line.points, line.low, line.high))
    return replace(line, points=points, low=low, high=high)


def _known(points: Sequence[Point]) -> list[float]:
    return [value for _, value in points if value is not None]


def _frame(chart: Chart, last_step: float) -> _Frame:
    curves = [points for line in chart.lines for points in (line.points, line.low, line.high)]
    anchors = [edge for band in chart.bands for edge in band]
    # Single measurements scatter widely around the curves, which are what there is to see.
    scatter = [_known(cloud.points) for cloud in chart.clouds]
    anchors += [end for values in scatter if values for end in bulk(values)]
    if chart.from_zero:
        anchors.append(0.0)
    low, high = frame((value for points in curves for value in _known(points)), anchors)
    margin = 0.06 * (high - low)
    bottom = low if chart.from_zero and low == 0 else low - margin
    steps = [step for line in chart.lines for step, _ in line.points]
    return _Frame(max([*steps, last_step, 1]), bottom, high + margin)


def _outside(chart: Chart, around: _Frame) -> str:
    drawn = [line.points for line in chart.lines] + [cloud.points for cloud in chart.clouds]
    values = [value for points in drawn for value in _known(points)]
    beyond = sum(not around.low <= value <= around.high for value in values)
    if not beyond:
        return ""
    return f"{beyond:,} value{'s lie' if beyond > 1 else ' lies'} outside the frame."


def _grid(around: _Frame) -> str:
    lines = "".join(
        f"M0 {around.y(value):.1f}H{WIDTH:g}" for value in ticks(around.low, around.high)
    )
    return f'<path class="grid" d="{lines}"/>'


def _labels(chart: Chart, around: _Frame) -> Iterator[str]:
    values = ticks(around.low, around.high)
    distance = values[1] - values[0] if len(values) > 1 else abs(values[0])
    for value in values:
        top, label = 100 * around.y(value) / HEIGHT, tick(value, distance, chart.shares)
        yield f'<span class="y" style="top:{top:.2f}%">{label}</span>'
    for step in ticks(0, around.right):
        left = 100 * step / around.right
        yield f'<span class="x" style="left:{left:.2f}%">{short(step)}</span>'


def _band(low: float, high: float, around: _Frame) -> str:
    top = around.y(high)
    return (
        f'<rect class="band" x="0" y="{top:.1f}" width="{WIDTH:g}" '
        f'height="{max(around.y(low) - top, 1):.1f}"/>'
    )


def _cloud(cloud: Cloud, around: _Frame) -> str:
    known = [
        (step, value)
        for step, value in sample(cloud.points, 1500)
        if value is not None and around.low <= value <= around.high
    ]
    dots = "".join(f"M{around.x(step):.1f} {around.y(value):.1f}h0" for step, value in known)
    return f'<path class="cloud c{cloud.color}" d="{dots}"/>' if dots else ""


def _ribbon(line: Line, around: _Frame) -> str:
    low = [(step, value) for step, value in line.low if value is not None]
    high = [(step, value) for step, value in line.high if value is not None]
    if not low or not high:
        return ""
    edge = [f"{around.x(step):.1f} {around.y(value):.1f}" for step, value in [*high, *low[::-1]]]
    return f'<path class="ribbon c{line.color}" d="M{"L".join(edge)}Z"/>'


def _curve(line: Line, around: _Frame) -> str:
    path, dots, pen_down = [], [], False
    for step, value in line.points:
        if value is None:
            pen_down = False
            continue
        x, y = f"{around.x(step):.1f}", f"{around.y(value):.1f}"
        if not pen_down:
            path.append(f"M{x} {y}h0")
        elif line.style.startswith("step"):
            path.append(f"H{x}V{y}")
        else:
            path.append(f"L{x} {y}")
        dots.append(f"M{x} {y}h0")
        pen_down = True
    dashed = " dashed" if line.style.endswith("dashed") else ""
    drawn = f'<path class="line c{line.color}{dashed}" d="{"".join(path)}"/>'
    if line.dotted:
        drawn += f'<path class="dots c{line.color}" d="{"".join(dots)}"/>'
    return drawn


def _mark(mark: Mark, around: _Frame) -> str:
    left, top = 100 * mark.step / around.right, 100 * around.y(mark.value) / HEIGHT
    return (
        f'<i class="mark {escape(mark.kind)} c{mark.color}" title="{escape(mark.title)}" '
        f'style="left:{left:.2f}%;top:{top:.2f}%"></i>'
    )


def _legend(chart: Chart) -> str:
    if len(chart.lines) < 2:
        return ""
    keys = "".join(
        f'<span class="key c{line.color}{" dashed" if line.style.endswith("dashed") else ""}">'
        f"{escape(line.name)}</span>"
        for line in chart.lines
    )
    return f'<span class="legend">{keys}</span>'


def _readout(chart: Chart, lines: Sequence[Line]) -> str:
    """What the pointer reads: for each curve its name, colour, steps and formatted values."""
    series = [
        {
            "name": line.name,
            "color": line.color,
            "steps": [step for step, value in line.points if value is not None],
            "values": [chart.format(value) for _, value in line.points if value is not None],
        }
        for line in lines
    ]
    # "<" could end the script element; inside JSON strings its escape means the same.
    return json.dumps(series, separators=(",", ":")).replace("<", "\\u003c")
