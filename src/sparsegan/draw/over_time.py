"""The same noise at every grid that a run has left, side by side: how samples came to be."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sparsegan.draw import pictures
from sparsegan.errors import SparseganError

MOST_STEPS = 12
"""Grids that stand side by side; of more, so many at equal distances."""

_LEAST_SIDE, _HEAD = 64, 20


def save_over_time(
    grids: Sequence[tuple[int, Path]], path: Path, count: int, *, side: int
) -> list[int]:
    """Write a picture with a row for each sample and a column for each step.

    Args:
        grids: Steps and their grids, in order, all of the same noise.
        path: The PNG.
        count: Samples, from all over the grid.
        side: Pixels along a side of a sample.

    Returns:
        The steps that are shown.

    Raises:
        SparseganError: There are no grids, they are not of such samples, or the file cannot be
            written.
    """
    if not grids:
        raise SparseganError("the run has left no grid of samples yet: it does every sample.every")
    last = len(grids) - 1
    shown = [grids[index] for index in _spread(len(grids), MOST_STEPS, last)]
    times = max(1, -(-_LEAST_SIDE // side))
    cell = side * times
    columns = [_cells(grid, side, count) for _, grid in shown]
    rows = min(len(cells) for cells in columns)
    sheet = Image.new("RGB", (len(shown) * (cell + 2) - 2, _HEAD + rows * (cell + 2) - 2), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for column, ((step, _), cells) in enumerate(zip(shown, columns, strict=True)):
        left = column * (cell + 2)
        draw.text((left + cell / 2, _HEAD / 2), f"{step:,}", "black", font, anchor="mm")
        for row, image in enumerate(cells[:rows]):
            sheet.paste(pictures.enlarged(image, times), (left, _HEAD + row * (cell + 2)))
    pictures.save_png(path, sheet)
    return [step for step, _ in shown]


def _spread(total: int, count: int, last: int) -> list[int]:
    """At most `count` of the indices, the first and the last among them."""
    if total <= count:
        return list(range(total))
    return [index * last // (count - 1) for index in range(count)]


def _cells(grid: Path, side: int, count: int) -> list[Image.Image]:
    """At most `count` samples from all over a grid."""
    try:
        with Image.open(grid) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise SparseganError(f"{grid} is damaged: remove it, and the others are shown") from None
    across, down = image.width // side, image.height // side
    if across * side != image.width or down * side != image.height or not across * down:
        raise SparseganError(f"{grid} is no grid of {side} x {side} images, as the run's are")
    return [
        image.crop((x * side, y * side, (x + 1) * side, (y + 1) * side))
        for y, x in _positions(across, down, count)
    ]


def _positions(across: int, down: int, count: int) -> list[tuple[int, int]]:
    """At most `count` rows and columns at equal distances, in reading order."""
    total = across * down
    taken = min(count, total)
    even = (divmod(number * total // taken, across) for number in range(taken))
    # Every row begins one further to the right than the one above, or whole rows between two
    # samples would have all of them in the first column.
    return sorted((y, (x + y) % across) for y, x in even)
