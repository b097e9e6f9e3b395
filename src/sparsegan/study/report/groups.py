"""The cells of a table in groups: an arm at a point of the axes, over all seeds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparsegan.study.table import Table

Row = Mapping[str, Any]

PRIMARY = "primary"

ENDED = ("finished", "diverged", "failed")


@dataclass(frozen=True)
class Spread:
    """The mean of a number over seeds.

    Attributes:
        mean: Over them.
        deviation: Their standard deviation; None for one seed.
        low: The smallest.
        high: The largest.
        number: Of seeds.
    """

    mean: float
    deviation: float | None
    low: float
    high: float
    number: int


@dataclass(frozen=True)
class Group:
    """An arm at a point of the axes.

    Attributes:
        name: For people: the arm, and the axes by the last parts of their keys.
        at: The axes alone, likewise; empty without axes.
        point: The cells' name without the seed.
        arm: The arm's name.
        axes: By dotted key; those that the arm has.
        rows: Its cells, in the order of the seeds.
    """

    name: str
    at: str
    point: str
    arm: str
    axes: Mapping[str, Any] = field(hash=False)
    rows: tuple[Row, ...] = field(hash=False, repr=False)

    @property
    def finished(self) -> list[Row]:
        """The cells that came to their end; all means are over these."""
        return [row for row in self.rows if row["status"] == "finished"]

    def with_status(self, *statuses: str) -> int:
        """How many cells stand so."""
        return sum(row["status"] in statuses for row in self.rows)

    @property
    def left(self) -> int:
        """How many cells have not ended."""
        return len(self.rows) - self.with_status(*ENDED)

    def by_seed(self, key: str = PRIMARY) -> dict[int, float]:
        """A number of the finished cells, where they have it."""
        return {
            row["seed"]: value for row in self.finished if (value := number(row, key)) is not None
        }

    def spread(self, key: str = PRIMARY) -> Spread | None:
        """A number over the finished cells; None where there is none."""
        values = list(self.by_seed(key).values())
        if not values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return Spread(statistics.fmean(values), deviation, min(values), max(values), len(values))

    def mean(self, key: str) -> float | None:
        """The mean of a number over the finished cells."""
        spread = self.spread(key)
        return None if spread is None else spread.mean


def number(row: Row, key: str) -> float | None:
    """A number of a row; `cost` is all operations, those beside the training steps included."""
    if key == "cost":
        operations, beside = number(row, "operations"), number(row, "operations_overhead")
        return None if operations is None else operations + (beside or 0.0)
    value = row.get(key)
    known = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]


def groups(table: Table) -> list[Group]:
    """All groups, in the order of the table."""
    by_point: dict[str, list[Row]] = {}
    for row in table:
        by_point.setdefault(row["cell"].rpartition("/")[0], []).append(row)
    short = _short(table.axes)
    made = []
    for point, rows in by_point.items():
        first = rows[0]
        axes = {key: first[key] for key in table.axes_of(first)}
        at = " ".join(f"{short[key]}={_text(axes[key])}" for key in axes)
        name = f"{first['arm']} {at}".strip()
        made.append(Group(name, at, point, first["arm"], axes, tuple(rows)))
    return made


def reference_of(group: Group, of: Sequence[Group]) -> Group:
    """What a group is compared with: the study's first arm at the same point of the axes.

    Where that arm does not have it: the first arm's first point.
    """
    first = [each for each in of if each.arm == of[0].arm]
    for each in first:
        if all(group.axes.get(key, value) == value for key, value in each.axes.items()):
            return each
    return first[0]


def _short(axes: Sequence[str]) -> dict[str, str]:
    """Keys by their last parts, where these tell them apart."""
    last = [key.rpartition(".")[2] for key in axes]
    return {key: end if last.count(end) == 1 else key for key, end in zip(axes, last, strict=True)}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_text, value))
    return "none" if value is None else str(value)
