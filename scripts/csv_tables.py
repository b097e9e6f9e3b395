"""Tables as the files of docs/results have them: a heading, then rows."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from sparsegan.files import atomic_write_text

Row = Sequence[object]


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows; nothing of either where there is no such file."""
    if not path.is_file():
        return [], []
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def write(path: Path, header: Sequence[str], rows: Iterable[Row]) -> None:
    """Put a table in the place of what is there."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    atomic_write_text(path, text.getvalue())
