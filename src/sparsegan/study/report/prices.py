"""Quality against what it costs, and the balance ratio against the density that it asks for."""

from collections.abc import Sequence

from sparsegan.report.format import count, figure
from sparsegan.report.scatter import Dot, Scatter, render
from sparsegan.study.report.groups import Group, number
from sparsegan.study.report.lines import COLORS, Curves
from sparsegan.study.report.student import interval
from sparsegan.study.report.words import spread_text
from sparsegan.study.table import Series

_PRICES = (
    ("generator_weights", "generator weights", "of the generator, at the end", count),
    (
        *("weights_mean", "weights of both networks"),
        *("of both networks, averaged over the steps", count),
    ),
    ("cost", "operations", "multiply-adds of the whole training", figure),
    ("seconds", "seconds", "measured seconds of training", figure),
)


_WAY = 150  # dots of one cell


def quality(curves: Curves, metric: str) -> list[str]:
    """The primary number against each kind of price: means, with all seeds around them."""
    bars = any(len(group.by_seed()) > 1 for group in curves.groups)
    note = "Faint: single seeds." if bars else "One seed each."
    if bars:
        note += " Bars: 95 % interval of the mean, cut at the frame."
    drawn = []
    for key, what, across, form in _PRICES:
        dots, kept = [], []
        for group in curves.groups:
            values, prices = group.by_seed(), group.by_seed(key)
            pairs = [(prices[seed], values[seed]) for seed in values if seed in prices]
            if not pairs:
                continue
            x = sum(price for price, _ in pairs) / len(pairs)
            mean = interval([value for _, value in pairs])
            title = f"{group.name}: {metric} {spread_text(group)} at {form(x)} {what}"
            around = pairs if len(pairs) > 1 else ()
            dots.append(
                Dot(
                    x,
                    mean.mean,
                    _label(curves, group),
                    title,
                    _color(curves, group),
                    around,
                    mean.low,
                    mean.high,
                )
            )
            kept.append(group)
        title = f"{metric} against {what}"
        drawn.append(Scatter(title, across, dots, note, _paths(kept), legend=_legend(curves)))
    return [render(chart) for chart in drawn]


def balance(curves: Curves) -> str:
    """The balance ratio against the discriminator's density: the end, and the way there."""
    dots = []
    for group in curves.groups:
        ends = [
            (density, ratio)
            for row in group.finished
            if (density := number(row, "discriminator_density")) is not None
            and (ratio := number(row, "balance_ratio")) is not None
        ]
        if not ends:
            continue
        way = [
            (density, ratio) for series in curves.cells(group) for density, ratio in _way(series)
        ]
        x, y = (sum(each) / len(ends) for each in zip(*ends, strict=True))
        title = f"{group.name}: balance ratio {figure(y)} at density {figure(x)}"
        color = _color(curves, group)
        dots.append(Dot(x, y, _label(curves, group), title, color, way))
    note = (
        "Dots: mean of the last tenth of the run at the density of its end. Faint: what was logged "
        "on the way."
    )
    across = "density of the discriminator's maskable weights"
    title = "Balance ratio against discriminator density"
    return render(Scatter(title, across, dots, note, legend=_legend(curves), shares=True))


def _way(series: Series) -> list[tuple[float, float]]:
    """Density and ratio as they were logged together, thinned."""
    ratios = dict(series.get("balance_ratio", ()))
    kept = [
        (density, ratio)
        for step, density in series.get("discriminator_density", ())
        if density is not None and (ratio := ratios.get(step)) is not None
    ]
    return kept[:: -(-len(kept) // _WAY) or 1]


def _color(curves: Curves, group: Group) -> int:
    """As in the curves where there are few groups, else that of the arm."""
    if len(curves.groups) <= COLORS:
        return curves.color(group)
    arms = list(dict.fromkeys(each.arm for each in curves.groups))
    return arms.index(group.arm) % COLORS


def _label(curves: Curves, group: Group) -> str:
    """Its name; of many groups the legend has the arms'."""
    return group.name if len(curves.groups) <= COLORS else ""


def _legend(curves: Curves) -> list[tuple[str, int]]:
    if len(curves.groups) <= COLORS:
        return []
    return list({group.arm: _color(curves, group) for group in curves.groups}.items())


def _paths(groups: Sequence[Group]) -> list[list[int]]:
    """An arm's points joined in the order of its axis, where it has one axis and more points."""
    by_arm: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        if len(group.axes) == 1:
            by_arm.setdefault(group.arm, []).append(index)
    return [path for path in by_arm.values() if len(path) > 1]
