"""The balance ratio: how much of D's real-fake gap one step of G closes (ADAPT, methods.md A3)."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import torch

from sparsegan.balance.blindness import blindness
from sparsegan.balance.record import BalanceRecord, divided

REVERSED = (
    "D scores real images lower than generated ones; pass the negated scores to "
    "after_generator_step (-scores, rescore=lambda: -D(G(z)), real_scores=lambda: -D(real)), which "
    "takes scores that are high for real images"
)
"""What to say of a reading that is `reversed`."""


@dataclass(frozen=True)
class BalanceReading:
    """What a window of measurements says.

    Attributes:
        value: The balance ratio of the window; NaN without a valid record.
        records: Measurements in the window.
        valid: Those with a clearly positive gap.
        nonfinite: Those with a score that is not a finite number.
        full: Whether there are as many records as a window holds.
        guarded: Whether records without a clearly positive gap are left out of the value.
        reversed: Whether scores turned out to be low for real images: a full window was, in most
            of its records, `upside_down`, and none since has shown G's steps to raise scores.
        blind: Why most of its records say nothing of the balance; empty where they do, or where
            this is not looked at.
        real_positive: Share of real images that D scores above 0, over the window; NaN where no
            record knows.
    """

    value: float
    records: int
    valid: int
    nonfinite: int
    full: bool
    guarded: bool = True
    reversed: bool = False
    blind: str = ""
    real_positive: float = math.nan

    @property
    def invalid(self) -> int:
        """Finite records in which D does not separate real from fake."""
        return self.records - self.valid - self.nonfinite


class BalanceRatio:
    """A moving window of measurements.

    Args:
        window: How many measurements it holds (published: 100, one every 10 steps).
        mean_of_ratios: False (default) divides the mean gain by the mean gap, so that a record
            with a small gap weighs little; True averages the ratios, as the published code does.
        guarded: True (default) leaves records without a clearly positive gap out; False counts
            them like any other, as the published code does.
        trimmed_late: A full window keeps its oldest record until `trim`, as in the published
            code, whose decisions see one record more than the window whenever one comes with them.
        watched: True (default) says of a window where a decision on it would be `blind`; False
            never does, as in the published code.

    Example:
        >>> meter = BalanceRatio(window=2)
        >>> meter.record(BalanceRecord(1.0, -1.0, 0.0)); meter.record(BalanceRecord(3.0, 1.0, 1.5))
        >>> meter.reading().value
        0.375
    """

    def __init__(
        self,
        window: int = 100,
        *,
        mean_of_ratios: bool = False,
        guarded: bool = True,
        trimmed_late: bool = False,
        watched: bool = True,
    ) -> None:
        self.window = window
        self.mean_of_ratios = mean_of_ratios
        self.guarded = guarded
        self.watched = watched
        self._records: deque[BalanceRecord] = deque(maxlen=window + trimmed_late)
        self._reversed = False

    def record(self, record: BalanceRecord) -> None:
        """Take in a measurement; the oldest leaves a full window."""
        self._records.append(record)
        count = len(self._records)
        if count < self.window or not self.guarded:
            return
        if 2 * sum(one.upside_down for one in self._records) > count:
            self._reversed = True
        elif 2 * sum(one.gain > 0 for one in self._records) > count:
            self._reversed = False

    def trim(self) -> None:
        """Let the oldest record go that is beyond the window; the end of every step."""
        while len(self._records) > self.window:
            self._records.popleft()

    def clear(self) -> None:
        """Forget all records: those of another density say nothing of this one."""
        self._records.clear()

    def reading(self) -> BalanceReading:
        """The ratio over the window and how far it can be trusted."""
        valid = [record for record in self._records if record.valid]
        counted = valid if self.guarded else list(self._records)
        if not counted:
            value = math.nan
        elif self.mean_of_ratios:
            value = _sum(record.raw_ratio for record in counted) / len(counted)
        else:
            gain = _sum(record.gain for record in counted)
            value = divided(gain, _sum(record.gap for record in counted))
        return BalanceReading(
            value=value,
            records=len(self._records),
            valid=len(valid),
            nonfinite=sum(not record.finite for record in self._records),
            full=len(self._records) >= self.window,
            guarded=self.guarded,
            reversed=self._reversed,
            blind=blindness(self._records) if self.watched else "",
            real_positive=_mean(
                record.real_positive
                for record in self._records
                if not math.isnan(record.real_positive)
            ),
        )

    def state_dict(self) -> dict[str, Any]:
        """The records, oldest first, as a float64 tensor (records, 7), and what they showed."""
        rows = [astuple(record) for record in self._records]
        columns = len(fields(BalanceRecord))
        records = torch.tensor(rows, dtype=torch.float64).reshape(-1, columns)
        return {"records": records, "reversed": self._reversed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over saved records, which older states have three columns of."""
        self.clear()
        for row in state["records"].tolist():
            self.record(BalanceRecord(*row))
        self._reversed = bool(state.get("reversed", False))  # which older states lack


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return math.fsum(values) / len(values) if values else math.nan


def _sum(values: Iterable[float]) -> float:
    """The exact sum, rounded once; infinite or NaN as in IEEE 754 where `fsum` raises."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)
