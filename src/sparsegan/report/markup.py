"""The few pieces of HTML that all sections share; all text is escaped here."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Raw:
    """Markup that is already safe; everything else is escaped."""

    markup: str


Cell = str | Raw


def escape(value: object) -> str:
    """Text, safe as content and as a quoted attribute."""
    # A surrogate (an undecodable byte of a file name) cannot be written as UTF-8.
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"))


def section(title: str, *parts: str, intro: str = "") -> str:
    """A section with its heading; nothing where all of its parts are empty."""
    body = "\n".join(part for part in parts if part)
    if not body:
        return ""
    lead = f'<p class="intro">{escape(intro)}</p>' if intro else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{lead}\n{body}\n</section>"


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], text_columns: int = 1) -> str:
    """A table in a container of its own that scrolls where the page is narrower.

    Args:
        header: the names of the columns.
        rows: the cells, escaped unless they are `Raw`; the first says what its row is of.
        text_columns: how many leading columns are text; the others are figures, set to the right.
    """
    body = "\n".join(f"<tr>{_row(row, text_columns)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(
        _cell("th" if name else "td", name, index, text_columns, "col" if name else "")
        for index, name in enumerate(header)
    )
    return (
        '<div class="scroll" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _row(cells: Sequence[Cell], text_columns: int) -> str:
    first, *others = cells
    return _cell("th", first, 0, text_columns, "row") + "".join(
        _cell("td", cell, index, text_columns) for index, cell in enumerate(others, start=1)
    )


def _cell(tag: str, cell: Cell, index: int, text_columns: int, scope: str = "") -> str:
    kind = "" if index < text_columns else ' class="figure"'
    of = f' scope="{scope}"' if scope else ""
    content = cell.markup if isinstance(cell, Raw) else escape(cell)
    return f"<{tag}{of}{kind}>{content}</{tag}>"


def fold(summary: str, body: str, opened: bool = False) -> str:
    """A part that the reader can open and close."""
    attribute = " open" if opened else ""
    return f"<details{attribute}><summary>{escape(summary)}</summary>\n{body}\n</details>"
