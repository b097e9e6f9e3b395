"""The balance ratio: how much of D's real-fake gap one step of G closes (ADAPT, methods.md A3)."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

# A gap that is a smaller share of the scores' own size than this is rounding, not separation.
SMALLEST_GAP = 1e-3

REVERSED = (
    "D scores real images lower than generated ones; pass the negated scores to "
    "after_generator_step (-scores, rescore=lambda: -D(G(z)), real_scores=lambda: -D(real)), which "
    "takes scores that are high for real images"
)
"""What to say of a reading that is `reversed`."""


@dataclass(frozen=True)
class BalanceRecord:
    """One measurement: mean scores (logits) of one discriminator.

    Attributes:
        real: Of the real batch that D saw last.
        fake_before: Of the fakes of G before its step.
        fake_after: Of the fakes of G after its step, from the same latents.

    Example:
        >>> BalanceRecord(real=1.0, fake_before=-1.0, fake_after=0.0).ratio
        0.5
    """

    real: float
    fake_before: float
    fake_after: float

    @property
    def gain(self) -> float:
        """What G's step won: ``E D(G_post(z)) - E D(G_pre(z))``."""
        return self.fake_after - self.fake_before

    @property
    def gap(self) -> float:
        """What D separates: ``E D(x) - E D(G_pre(z))``."""
        return self.real - self.fake_before

    @property
    def finite(self) -> bool:
        """Whether every score is a finite number."""
        return math.isfinite(self.real + self.fake_before + self.fake_after)

    @property
    def valid(self) -> bool:
        """Whether the gap is clearly positive, so that the ratio means something."""
        scale = abs(self.real) + abs(self.fake_before)
        return self.finite and self.gap > SMALLEST_GAP * scale

    @property
    def upside_down(self) -> bool:
        """Whether D scores real images clearly lower than fakes, and G's step lowers its score.

        A D that is merely weak has no clear gap or one of the wrong sign, too, but a step of G
        raises its score all the same.
        """
        scale = abs(self.real) + abs(self.fake_before)
        return self.finite and self.gap < -SMALLEST_GAP * scale and self.gain < 0

    @property
    def ratio(self) -> float:
        """The balance ratio, ``gain / gap``; NaN where the record is not valid."""
        return self.gain / self.gap if self.valid else math.nan

    @property
    def raw_ratio(self) -> float:
        """``gain / gap`` whatever the gap: IEEE division, so infinite or NaN over a gap of 0."""
        return _divided(self.gain, self.gap)


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
    """

    value: float
    records: int
    valid: int
    nonfinite: int
    full: bool
    guarded: bool = True
    reversed: bool = False

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
    ) -> None:
        self.window = window
        self.mean_of_ratios = mean_of_ratios
        self.guarded = guarded
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
            value = _divided(gain, _sum(record.gap for record in counted))
        return BalanceReading(
            value=value,
            records=len(self._records),
            valid=len(valid),
            nonfinite=sum(not record.finite for record in self._records),
            full=len(self._records) >= self.window,
            guarded=self.guarded,
            reversed=self._reversed,
        )

    def state_dict(self) -> dict[str, Any]:
        """The records, oldest first, as a float64 tensor (records, 3), and what they showed."""
        rows = [(r.real, r.fake_before, r.fake_after) for r in self._records]
        records = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)
        return {"records": records, "reversed": self._reversed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over saved records."""
        self.clear()
        for row in state["records"].tolist():
            self.record(BalanceRecord(*row))
        self._reversed = bool(state.get("reversed", False))  # which older states lack


def _divided(gain: float, gap: float) -> float:
    """The quotient as IEEE 754 has it, where Python's division raises."""
    if gap != 0:
        return gain / gap
    if gain == 0 or math.isnan(gain):
        return math.nan
    return math.copysign(math.inf, gain) * math.copysign(1.0, gap)


def _sum(values: Iterable[float]) -> float:
    """The exact sum, rounded once; infinite or NaN as in IEEE 754 where `fsum` raises."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)
