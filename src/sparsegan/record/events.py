"""Which lines of metrics.jsonl are events: those whose fields can be counted on.

Fields of the kinds that decide or are counted by later are checked; others, and kinds that a later
version may bring, are whatever they are.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]
NETWORKS = ("generator", "discriminator")

_LARGEST = 1e15  # of a step or a count: beyond it they are no longer exact as floats


def event(line: bytes) -> Event | None:
    """The event that a line tells, or None.

    Example:
        >>> event(b'{"kind": "end", "step": 5}')
        {'kind': 'end', 'step': 5}
        >>> event(b'{"kind": "end", "step": "five"}'), event(b"[1, 2]"), event(b"rubbish")
        (None, None, None)
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return None
    if not _is_count(value.get("step")) or not isinstance(value.get("pair", ""), str):
        return None
    check = _KINDS.get(value["kind"])
    return value if check is None or check(value) else None


def _is_start(event: Event) -> bool:
    networks = event.get("networks")
    return isinstance(networks, dict) and all(
        isinstance(networks.get(name), list) and all(map(_is_layer, networks[name]))
        for name in NETWORKS
    )


def _is_layer(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("masked"), bool)
        and _is_share(row.get("active"), row.get("weights"))
    )


def _is_rewire(event: Event) -> bool:
    rows = event.get("layers")
    return (
        event.get("network") in NETWORKS
        and isinstance(rows, list)
        and all(
            isinstance(row, list)
            and len(row) == 4
            and isinstance(row[0], str)
            and _is_share(row[2], row[3])
            for row in rows
        )
    )


def _is_evaluation(event: Event) -> bool:
    values = ("value", "low", "high", "floor", "frechet", "frechet_floor")
    return "value" in event and all(_is_number(event.get(key)) for key in values)


def _is_choice(event: Event) -> bool:
    return event.get("network") in NETWORKS and isinstance(event.get("kernels"), str)


def _is_request(event: Event) -> bool:
    if not {"discriminator_steps", "discriminator_rate", "schedule"} <= event.keys():
        return False
    steps, rate, schedule = (
        event[key] for key in ("discriminator_steps", "discriminator_rate", "schedule")
    )
    return (
        (steps is None or (_is_count(steps) and steps > 0))
        and (_is_number(rate) and rate is not None and rate > 0)
        and (schedule is None or _is_span(schedule))
    )


_KINDS: Mapping[str, Callable[[Event], bool]] = {
    "start": _is_start,
    "rewire": _is_rewire,
    "evaluate": _is_evaluation,
    "engine": _is_choice,
    "request": _is_request,
}


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_share(active: Any, weights: Any) -> bool:
    return _is_count(active) and _is_count(weights) and 0 < weights >= active


def _is_number(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) < 1e150)


def _is_span(value: Any) -> bool:
    counts = isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))
    return counts and min(value) > 0
