"""Sample grids: the last one large, those over time as a filmstrip below it."""

import base64
from collections.abc import Sequence

from sparsegan.report.format import count
from sparsegan.report.markup import escape, section
from sparsegan.report.read import Grid, RunRecord

_ONE_RUN, _SEVERAL_RUNS = 8, 4


def pictures_section(runs: Sequence[RunRecord], intro: str = "", limit: int | None = None) -> str:
    """The grids of every run, side by side where there are several runs.

    Args:
        runs: Whose grids.
        intro: What to say of them.
        limit: How many of a run; None: eight of one run, four of each of several.
    """
    limit = limit or (_ONE_RUN if len(runs) == 1 else _SEVERAL_RUNS)
    cards = [_card(run, limit, named=len(runs) > 1) for run in runs if run.grids]
    if not cards:
        return ""
    kind = "cards" if len(runs) > 1 else "cards single"
    kind += " little" if limit == 1 and len(runs) > 1 else ""
    return section("Samples", f'<div class="{kind}">{"".join(cards)}</div>', intro=intro)


def spread(grids: Sequence[Grid], limit: int) -> list[Grid]:
    """At most `limit` grids at equal distances, the first and the last among them."""
    if len(grids) <= limit:
        return list(grids)
    if limit == 1:
        return [grids[-1]]
    return [grids[index * (len(grids) - 1) // (limit - 1)] for index in range(limit)]


def _card(run: RunRecord, limit: int, named: bool) -> str:
    grids = spread(run.grids, limit)
    sources = [_source(grid) for grid in grids]
    title = f"<b>{escape(run.label)}</b> " if named else ""
    last, last_source = grids[-1], sources[-1]
    frames = "".join(
        f'<button type="button"{" aria-current=true" if grid is last else ""}>'
        f"{_image(grid, source)}<span>{escape(_when(grid))}</span></button>"
        for grid, source in zip(grids, sources, strict=True)
    )
    film = f'<div class="film">{frames}</div>' if len(grids) > 1 else ""
    return (
        f'<figure class="samples">{_image(last, last_source)}'
        f'<figcaption>{title}<span class="when">{escape(_when(last))}</span></figcaption>'
        f"{film}</figure>"
    )


def _source(grid: Grid) -> str:
    return "data:image/png;base64," + base64.b64encode(grid.path.read_bytes()).decode("ascii")


def _image(grid: Grid, source: str) -> str:
    return (
        f'<img src="{source}" width="{grid.width}" height="{grid.height}" '
        f'alt="samples, {escape(_when(grid))}">'
    )


def _when(grid: Grid) -> str:
    return grid.path.stem if grid.step is None else f"step {count(grid.step)}"
