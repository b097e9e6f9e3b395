"""Scatter charts: one number against another, a dot with its spread for each thing compared.

Drawn as the line charts are: the SVG is stretched to its place, dots and labels stand around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sparsegan.report.charts import HEIGHT, WIDTH
from sparsegan.report.format import short, tick
from sparsegan.report.markup import escape
from sparsegan.report.series import frame, ticks

Position = tuple[float, float]

_LABEL_HEIGHT, _LABEL_WIDTH = 7.5, 30.0  # in percent of the plot, about


@dataclass(frozen=True, slots=True)
class Dot:
    """A thing that is compared.

    Attributes:
        x: Its mean across.
        y: Its mean upwards.
        label: What stands beside it; may be empty.
        title: What is told where the pointer rests on it.
        color: An index of the palette.
        around: What the means are of, as faint dots.
        low: Lower end of a bar through the dot; None: no bar.
        high: Upper end.
    """

    x: float
    y: float
    label: str
    title: str
    color: int = 0
    around: Sequence[Position] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scatter:
    """A chart of dots.

    Attributes:
        title: Its heading.
        across: What the axis across is, in words.
        dots: What is compared.
        note: What a reader must know.
        paths: Dots joined by a thin line, as indices of `dots` in order.
        bands: Shaded ranges upwards.
        legend: Names with their colours, where dots have no labels.
        shares: The axis across is of shares, shown in percent.
        from_zero: The axis upwards begins at zero.
    """

    title: str
    across: str
    dots: Sequence[Dot]
    note: str = ""
    paths: Sequence[Sequence[int]] = ()
    bands: Sequence[tuple[float, float]] = ()
    legend: Sequence[tuple[str, int]] = ()
    shares: bool = False
    from_zero: bool = True


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where numbers are in the plot, in percent of it, across from the left and downwards."""

    right: float
    low: float
    high: float

    def left(self, x: float) -> float:
        return min(max(100 * x / self.right, 0.0), 100.0)

    def top(self, y: float) -> float:
        return min(max(100 * (self.high - y) / (self.high - self.low), -20.0), 120.0)

    def at(self, x: float, y: float) -> str:
        """The same in the drawing's units."""
        return f"{self.left(x) * WIDTH / 100:.1f} {self.down(y)}"

    def down(self, y: float) -> str:
        return f"{self.top(y) * HEIGHT / 100:.1f}"


def render(chart: Scatter) -> str:
    """The chart as a figure; nothing where it has no dot."""
    if not chart.dots:
        return ""
    around = _frame(chart)
    body = "\n".join(_drawing(chart, around))
    outside = "".join((*_axes(chart, around), *_spots(chart, around)))
    return f"""<figure class="chart">
<figcaption><b>{escape(chart.title)}</b>{_legend(chart)}</figcaption>
<div class="plot still">
<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" \
aria-label="{escape(chart.title)}">
{body}
</svg>
{outside}
<span class="across">{escape(chart.across)}</span>
</div>
<p class="note">{escape(chart.note)}</p>
</figure>"""


def _legend(chart: Scatter) -> str:
    keys = (f'<span class="key c{color}">{escape(name)}</span>' for name, color in chart.legend)
    return f'<span class="legend">{"".join(keys)}</span>' if chart.legend else ""


def _frame(chart: Scatter) -> _Frame:
    places = [position for dot in chart.dots for position in ((dot.x, dot.y), *dot.around)]
    anchors = [edge for band in chart.bands for edge in band] + [0.0] * chart.from_zero
    low, high = frame((y for _, y in places), anchors)
    margin = 0.07 * (high - low)
    bottom = low if chart.from_zero and low == 0 else low - margin
    return _Frame(max(x for x, _ in places) * 1.04 or 1.0, bottom, high + margin)


def _drawing(chart: Scatter, around: _Frame) -> Iterator[str]:
    for low, high in chart.bands:
        height = max((around.top(low) - around.top(high)) * HEIGHT / 100, 1)
        yield (
            f'<rect class="band" x="0" y="{around.down(high)}" width="{WIDTH:g}" '
            f'height="{height:.1f}"/>'
        )
    lines = (f"M0 {around.down(value)}H{WIDTH:g}" for value in ticks(around.low, around.high))
    yield f'<path class="grid" d="{"".join(lines)}"/>'
    for path in chart.paths:
        dots = [chart.dots[index] for index in path]
        joined = "L".join(around.at(dot.x, dot.y) for dot in dots)
        yield f'<path class="link c{dots[0].color}" d="M{joined}"/>'
    for dot in chart.dots:
        faint = "".join(f"M{around.at(x, y)}h0" for x, y in dot.around)
        if faint:
            yield f'<path class="cloud c{dot.color}" d="{faint}"/>'
        if dot.low is not None and dot.high is not None:
            ends = f"M{around.at(dot.x, dot.low)}L{around.at(dot.x, dot.high)}"
            yield f'<path class="spread c{dot.color}" d="{ends}"/>'


def _spots(chart: Scatter, around: _Frame) -> Iterator[str]:
    for dot in chart.dots:
        yield (
            f'<i class="spot c{dot.color}" title="{escape(dot.title)}" '
            f'style="left:{around.left(dot.x):.2f}%;top:{around.top(dot.y):.2f}%"></i>'
        )
    named = [dot for dot in chart.dots if dot.label]
    for dot, (left, top) in zip(
        named, apart([(around.left(dot.x), around.top(dot.y)) for dot in named]), strict=True
    ):
        # A label of a dot on the right stands to its left.
        side = f"right:{100 - left:.2f}%" if left > 65 else f"left:{left:.2f}%"
        yield (
            f'<span class="label c{dot.color}" style="{side};top:{top:.2f}%">'
            f"{escape(dot.label)}</span>"
        )


def _axes(chart: Scatter, around: _Frame) -> Iterator[str]:
    heights = ticks(around.low, around.high)
    distance = heights[1] - heights[0] if len(heights) > 1 else abs(heights[0])
    for value in heights:
        yield f'<span class="y" style="top:{around.top(value):.2f}%">{tick(value, distance)}</span>'
    across = ticks(0, around.right)
    apart_by = across[1] - across[0] if len(across) > 1 else abs(across[0])
    for value in across:
        text = tick(value, apart_by, shares=True) if chart.shares else short(value)
        yield f'<span class="x" style="left:{around.left(value):.2f}%">{text}</span>'


def apart(places: Sequence[Position]) -> list[Position]:
    """Places of labels (percent across and downwards), moved downwards where they would overlap.

    Example:
        >>> apart([(10.0, 50.0), (12.0, 51.0)])
        [(10.0, 50.0), (12.0, 57.5)]
    """
    done: dict[int, Position] = {}
    for index in sorted(range(len(places)), key=lambda index: places[index][1]):
        left, top = places[index]
        # Whoever is moved below one may meet the next, which lies further down.
        for other_left, other_top in sorted(done.values(), key=lambda position: position[1]):
            if abs(left - other_left) < _LABEL_WIDTH and abs(top - other_top) < _LABEL_HEIGHT:
                top = other_top + _LABEL_HEIGHT
        done[index] = left, top
    return [done[index] for index in range(len(places))]
