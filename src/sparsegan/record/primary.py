"""The numbers that a run is judged by: means of the evaluations at 90, 95 and 100 % of it.

The last evaluation alone is one draw of a number that goes up and down; the best of a run is the
luckiest of many, and grows with their number.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

PRIMARY = (0.9, 0.95, 1.0)
"""Shares of a run at whose ends it is evaluated."""


def step_at(share: float, steps: int) -> int:
    """The generator step at the end of a share of a run.

    Example:
        >>> [step_at(share, 300) for share in PRIMARY]
        [270, 285, 300]
    """
    return round(share * steps)


def primary(events: Iterable[Mapping[str, Any]], steps: int) -> dict[str | None, dict[str, float]]:
    """The mean of each number of a run's evaluations at `PRIMARY`.

    Args:
        events: Of metrics.jsonl.
        steps: Generator steps of the run.

    Returns:
        By the game's name, and then by the field of the `evaluate` event, such as `value` (which is
        of `metric`). A game that has not been evaluated at all of these steps, or by another metric
        at some, is not there; nor is a number that one of the evaluations lacks.
    """
    wanted = [step_at(share, steps) for share in PRIMARY]
    evaluations: dict[str | None, dict[int, Mapping[str, Any]]] = {}
    for event in events:
        if event["kind"] == "evaluate" and event["step"] in wanted:
            evaluations.setdefault(event.get("pair"), {})[event["step"]] = event
    means = {}
    for game, by_step in evaluations.items():
        rows = list(by_step.values())
        whole = by_step.keys() == set(wanted)
        if whole and len({row.get("metric") for row in rows}) == 1:
            means[game] = _means(rows)
    return means


def _means(rows: list[Mapping[str, Any]]) -> dict[str, float]:
    fields = [name for name in rows[0] if name not in ("step", "seconds")]
    return {
        name: fmean(row[name] for row in rows)
        for name in fields
        if all(type(row.get(name)) in (int, float) for row in rows)
    }
