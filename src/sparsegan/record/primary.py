"""The numbers that a run is judged by: means of the evaluations at 90, 95 and 100 % of it.

Of a run that trains anew on its way, it is 90, 95 and 100 % of its last training.

The last evaluation alone is one draw of a number that goes up and down; the best of a run is the
luckiest of many, and grows with their number.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from statistics import fmean

from sparsegan.record.events import Evaluation, Event, Fields, Rewinding

PRIMARY = (0.9, 0.95, 1.0)
"""Shares of a run at whose ends it is evaluated."""


def step_at(share: float, steps: int, begun: int = 0) -> int:
    """The generator step at the end of a share of a run's last training.

    Args:
        share: In [0, 1].
        steps: Generator steps of the run.
        begun: Those before the last training.

    Example:
        >>> [step_at(share, 300) for share in PRIMARY]
        [270, 285, 300]
        >>> [step_at(share, 300, 200) for share in PRIMARY]
        [290, 295, 300]
    """
    return begun + round(share * (steps - begun))


def last_training(events: Iterable[Event]) -> int:
    """The generator step after which the last training that is told of began; 0: the start."""
    return max((event.step for event in events if isinstance(event, Rewinding)), default=0)


def primary(
    events: Iterable[Event], steps: int, begun: int = 0
) -> dict[str | None, dict[str, float]]:
    """The mean of each number of a run's evaluations at `PRIMARY`.

    Args:
        events: Of metrics.jsonl.
        steps: Generator steps of the run.
        begun: Those before the last training, where no event tells of it.

    Returns:
        By the game's name, and then by the field of an evaluation, such as `value` (which is of
        `metric`). A game that has not been evaluated at all of these steps, or by another metric at
        some, is not there; nor is a number that one of the evaluations lacks.
    """
    events = list(events)
    begun = max(begun, last_training(events))
    wanted = {step_at(share, steps, begun) for share in PRIMARY}
    evaluations: dict[str | None, dict[int, Evaluation]] = {}
    for event in events:
        if isinstance(event, Evaluation) and event.step in wanted:
            evaluations.setdefault(event.game, {})[event.step] = event
    return {
        game: _means([row.to_json() for row in rows.values()])
        for game, rows in evaluations.items()
        if rows.keys() == wanted and len({row.metric for row in rows.values()}) == 1
    }


def _means(rows: Sequence[Fields]) -> dict[str, float]:
    return {
        name: fmean(row[name] for row in rows)
        for name in rows[0]
        if name not in ("step", "seconds")
        and all(type(row.get(name)) in (int, float) and isfinite(row[name]) for row in rows)
    }
