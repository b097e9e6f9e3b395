"""Which group is better: differences over the seeds that two have in common, ranks, a verdict.

A smaller number is better. Seeds in common are pairs: both groups have seen the same images in the
same order, so that their difference scatters less than either.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sparsegan.study.report.groups import PRIMARY, Group, Row, number
from sparsegan.study.report.student import LEVEL, Interval, interval
from sparsegan.study.table import Table


@dataclass(frozen=True)
class Difference:
    """One group's primary number less another's.

    Attributes:
        group: The first.
        other: The one that is taken away.
        interval: Of the mean difference at `LEVEL`, for this pair alone.
        clear: Whether zero lies outside of an interval wide enough for all comparisons with one
            group at once (Bonferroni), as multiple comparisons with the best have it (Hsu 1984).
        seeds: Those in common.
    """

    group: Group
    other: Group
    interval: Interval
    clear: bool
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Rank:
    """An arm's mean rank over the blocks in which every arm has ended, 1 being the best."""

    name: str
    mean: float
    blocks: int


@dataclass(frozen=True)
class Verdict:
    """What the numbers say, and no more.

    Attributes:
        leader: The group of the smallest mean; None where no cell has finished.
        winner: Whether it is better than every other beyond the noise, none of its cells has
            diverged or failed, and no other is still to be run.
        rivals: Those that cannot be told from it.
        cheapest: Of leader and rivals, the one of the fewest operations; None where not known.
        smallest: What difference the seeds could show: the largest half of an interval.
    """

    leader: Group | None
    winner: bool
    rivals: tuple[Group, ...]
    cheapest: Group | None
    smallest: float | None


def difference(group: Group, other: Group, number_of: int = 1) -> Difference | None:
    """Compare two groups over the seeds that both have finished; None if there is none.

    Args:
        group: The first.
        other: The one that is taken away.
        number_of: How many such comparisons are made at once.
    """
    own, theirs = group.by_seed(), other.by_seed()
    seeds = tuple(seed for seed in own if seed in theirs)
    if not seeds:
        return None
    apart = [own[seed] - theirs[seed] for seed in seeds]
    wide = interval(apart, 1 - (1 - LEVEL) / number_of)
    return Difference(group, other, interval(apart), wide.excludes_zero, seeds)


def comparisons(groups: Sequence[Group]) -> int:
    """How many comparisons one group has with the others, at least 1."""
    return max(1, len(groups) - 1)


def verdict(groups: Sequence[Group]) -> Verdict:
    """What the numbers say."""
    measured = [group for group in groups if group.by_seed()]
    if not measured:
        return Verdict(None, False, (), None, None)
    leader = min(measured, key=lambda group: group.mean(PRIMARY) or 0.0)
    rivals, halves = [], []
    for group in measured:
        if group is leader:
            continue
        gap = difference(group, leader, comparisons(groups))
        if gap is None or not gap.clear or gap.interval.mean < 0:
            rivals.append(group)
        if gap is not None and gap.interval.high is not None:
            halves.append(gap.interval.high - gap.interval.mean)
    sound = leader.with_status("diverged", "failed") == 0
    ended = not any(group.left for group in groups)
    alone = len(measured) < 2
    costs = {group: cost for group in (leader, *rivals) if (cost := group.mean("cost")) is not None}
    return Verdict(
        leader=leader,
        winner=sound and ended and not rivals and not alone,
        rivals=tuple(rivals),
        cheapest=min(costs, key=lambda group: costs[group]) if costs else None,
        smallest=max(halves, default=None),
    )


def ranks(table: Table, groups: Sequence[Group]) -> list[Rank]:
    """Mean ranks over cells: of the arms, or of the points of the axes where there is one arm.

    A block is a seed at a point of the axes; an arm that lacks an axis has the same cell at all its
    points. Cells that diverged come last in their block, ties share the mean of their places, and
    a block in which one has not ended, or failed, is left out.
    """
    if len(table.arms) > 1:
        names = list(table.arms)
        blocks: list[dict[str, Row]] = [
            {
                str(row["arm"]): row
                for row in table
                if row["seed"] == seed and _is_at(table, row, point)
            }
            for seed in table.seeds
            for point in _points(table)
        ]
        # Points that differ in an axis which no arm has there are of the same cells.
        cells = [sorted(str(row["cell"]) for row in block.values()) for block in blocks]
        blocks = [block for n, block in enumerate(blocks) if cells[n] not in cells[:n]]
    else:
        names = [group.name for group in groups]
        blocks = [
            {group.name: row for group in groups for row in group.rows if row["seed"] == seed}
            for seed in table.seeds
        ]
    values = [
        [_judged(block[name]) for name in names] for block in blocks if block.keys() == set(names)
    ]
    places = [_places(block) for block in values if None not in block]  # type: ignore[arg-type]
    if not places or len(names) < 2:
        return []
    return [
        Rank(name, statistics.fmean(each[index] for each in places), len(places))
        for index, name in enumerate(names)
    ]


def _points(table: Table) -> list[dict[str, object]]:
    """Each combination of the axes' values."""
    values = [
        list({repr(row[key]): row[key] for row in table if key in table.axes_of(row)}.values())
        for key in table.axes
    ]
    return [
        dict(zip(table.axes, point, strict=True))
        for point in itertools.product(*(each or [None] for each in values))
    ]


def _is_at(table: Table, row: Row, point: Mapping[str, object]) -> bool:
    return all(row[key] == point[key] for key in table.axes_of(row))


def _judged(row: Row) -> float | None:
    if row["status"] == "diverged":
        return math.inf
    return number(row, PRIMARY) if row["status"] == "finished" else None


def _places(values: Sequence[float]) -> list[float]:
    """Places from 1 on; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values
    ]
