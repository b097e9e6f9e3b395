"""Sample grids: the last one large, those over time as a filmstrip below it.

Pictures are made as small as the page shows them, since a page is made to be passed on.
"""

import base64
import functools
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sparsegan.report.format import count
from sparsegan.report.markup import escape, fold, section
from sparsegan.report.read import Grid, RunRecord

BUDGET = 1_600_000
"""Characters that all pictures of a page take together, about."""

_ONE_RUN, _SEVERAL_RUNS = 8, 4
_SIDES = (640, 480, 360, 240, 160)
_QUALITIES = (88, 75, 60)
_MOST_PIXELS = 50_000_000


def pictures_section(runs: Sequence[RunRecord], intro: str = "", limit: int | None = None) -> str:
    """The grids of every run, side by side where there are several runs.

    Args:
        runs: Whose grids.
        intro: What to say of them.
        limit: How many of a run; None: eight of one run, four of each of several.
    """
    limit = limit or (_ONE_RUN if len(runs) == 1 else _SEVERAL_RUNS)
    shown = {id(run): spread(run.grids, limit) for run in runs if run.grids}
    # The last one stands on the page twice: large, and as a frame of the film.
    drawn = sum(len(grids) + 1 for grids in shown.values())
    drawn += sum(run.nearest is not None for run in runs)
    room = BUDGET // max(drawn, 1)
    cards = [_card(run, shown[id(run)], room, len(runs) > 1) for run in runs if id(run) in shown]
    if not any(cards):
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


def _card(run: RunRecord, grids: Sequence[Grid], room: int, named: bool) -> str:
    images = [(grid, _image(grid, room)) for grid in grids]
    images = [(grid, image) for grid, image in images if image]
    if not images:
        return ""
    title = f"<b>{escape(run.label)}</b> " if named else ""
    last, large = images[-1]
    frames = "".join(
        f'<button type="button"{" aria-current=true" if grid is last else ""}>'
        f"{image}<span>{escape(_when(grid))}</span></button>"
        for grid, image in images
    )
    film = f'<div class="film">{frames}</div>' if len(images) > 1 else ""
    return (
        f'<figure class="samples">{large}'
        f'<figcaption>{title}<span class="when">{escape(_when(last))}</span></figcaption>'
        f"{film}{_nearest(run, room)}</figure>"
    )


def _nearest(run: RunRecord, room: int) -> str:
    """Samples beside the training images nearest to them, folded away: not everybody may see."""
    image = _image(run.nearest, room, "samples, each beside its nearest training image")
    if run.nearest is None or not image:
        return ""
    note = (
        "Each sample, and to its right the training image nearest to it in the features of the "
        f"evaluation, {_when(run.nearest)}. These are pictures of the training data."
    )
    return fold("Nearest training images", f'{image}<p class="note">{escape(note)}</p>')


def _image(grid: Grid | None, room: int, what: str = "samples") -> str:
    """A picture that takes about so many characters; nothing where it cannot be read."""
    source = None if grid is None else _source(grid.path, _changed(grid.path), room)
    if grid is None or source is None:
        return ""
    return (
        f'<img src="{source}" width="{grid.width}" height="{grid.height}" '
        f'alt="{what}, {escape(_when(grid))}">'
    )


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=64)
def _source(path: Path, changed: int, room: int) -> str | None:
    """A picture as an address that holds it: as it is where it fits, or else made smaller."""
    room = room * 3 // 4  # base64 writes three bytes as four characters
    try:
        if path.stat().st_size <= room:
            return _address("png", path.read_bytes())
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("error")  # of sizes that no grid has
            if image.width * image.height > _MOST_PIXELS:
                return None
            return _address("webp", _smaller(image.convert("RGB"), room))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return None  # damaged, or another process has just removed it


def _smaller(image: Image.Image, room: int) -> bytes:
    if image.width <= _SIDES[0] and len(exact := _webp(image, lossless=True)) <= room:
        return exact
    encoded = b""
    for side in _SIDES:
        if side < _SIDES[0] and side >= max(image.size):
            continue
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            encoded = _webp(image, quality=quality)
            if len(encoded) <= room:
                return encoded
    return encoded


def _webp(image: Image.Image, **options: bool | int) -> bytes:
    content = io.BytesIO()
    image.save(content, format="WEBP", **options)
    return content.getvalue()


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _when(grid: Grid) -> str:
    return grid.path.stem if grid.step is None else f"step {count(grid.step)}"
