"""The events of metrics.jsonl: one record for each kind, by which it is written and read.

A line is a JSON object: `kind`, `step`, `pair` (the game's name, of one of several), and the fields
of the kind's record in their order. A field that has a default is left out while it has it. The
table in docs/design.md is made from the docstrings here by scripts/event_table.py.

Nothing here imports PyTorch, because the report reads runs without it.
"""

import json
from collections.abc import Mapping
from typing import Any

from sparsegan.record.events.base import NETWORKS, Event, Fields, is_count
from sparsegan.record.events.kernels import Kernels, LayerSeconds, Seconds
from sparsegan.record.events.masks import LayerChange, Rewiring
from sparsegan.record.events.start import Data, Layer, Start
from sparsegan.record.events.training import (
    Balance,
    Decision,
    End,
    Evaluation,
    Notice,
    Progress,
    Repair,
    Request,
    Rewinding,
)
from sparsegan.record.fields import reader

__all__ = [
    "KINDS",
    "NETWORKS",
    "Balance",
    "Data",
    "Decision",
    "End",
    "Evaluation",
    "Event",
    "Fields",
    "Kernels",
    "Layer",
    "LayerChange",
    "LayerSeconds",
    "Notice",
    "Progress",
    "Repair",
    "Request",
    "Rewinding",
    "Rewiring",
    "Seconds",
    "Start",
    "checked",
    "read",
]

KINDS: dict[str, type[Event]] = {
    each.kind: each
    for each in (
        *(Start, Progress, Balance, Rewiring, Decision, Evaluation),
        *(Kernels, Data, Request, Rewinding, Notice, Repair, End),
    )
}
"""The record of each kind, by the kind's name in the file."""


def read(line: Mapping[str, Any]) -> Event | None:
    """The event of a JSON object, read tolerantly; None if it is no event.

    Example:
        >>> read({"kind": "end", "step": 5, "seconds": "many"})
        End(step=5, game=None, seconds=None, steps_per_second=None)
        >>> read({"kind": "of a later version", "step": 5})
        Event(step=5, game=None)
        >>> read({"kind": "end"})
    """
    kind = line.get("kind")
    event: Event | None = reader(KINDS.get(kind, Event))(line) if isinstance(kind, str) else None
    return event


def checked(line: bytes) -> Fields | None:
    """The JSON object of a line, where it is an event that can be counted on; else None.

    Only fields that costs, checkpoints and a resumed run rely on are checked, and kinds of a later
    version not at all.

    Example:
        >>> checked(b'{"kind": "end", "step": 5}')
        {'kind': 'end', 'step': 5}
        >>> checked(b'{"kind": "end", "step": "five"}'), checked(b"[1, 2]"), checked(b"rubbish")
        (None, None, None)
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return None
    if not is_count(value.get("step")) or not isinstance(value.get("pair", ""), str):
        return None
    return value if KINDS.get(value["kind"], Event).is_sound(value) else None
