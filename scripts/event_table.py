"""Writes the table of events in docs/design.md, out of the records in sparsegan.record.events.

Usage: python scripts/event_table.py
"""

import re
from dataclasses import fields
from inspect import getdoc
from pathlib import Path

from sparsegan.record.events import KINDS, Event

PAGE = Path(__file__).parents[1] / "docs" / "design.md"
BEGIN, END = "<!-- events: scripts/event_table.py -->", "<!-- end of events -->"


def table() -> str:
    """The table: each kind, what it is, and its fields in the order of the file."""
    rows = ["| kind | what it says | fields |", "| --- | --- | --- |"]
    for kind, record in KINDS.items():
        summary, meanings = _parts(record)
        described = "; ".join(f"`{name}`: {meanings[name]}" for name in _own_fields(record))
        rows.append(f"| `{kind}` | {summary} | {described} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """A page with the table between its marks as it should be."""
    before, _, rest = page.partition(f"{BEGIN}\n")
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def _own_fields(record: type[Event]) -> list[str]:
    shared = {field.name for field in fields(Event)}
    return [field.name for field in fields(record) if field.name not in shared]


def _parts(record: type[Event]) -> tuple[str, dict[str, str]]:
    """What the docstring says of a record: at its beginning, and of each field."""
    text, _, attributes = (getdoc(record) or "").partition("\nAttributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", attributes, re.MULTILINE)
    return _line(text), {name: _line(meaning) for name, meaning in entries}


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
