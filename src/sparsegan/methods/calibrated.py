"""ADAPT with a band that calibrates itself: a dense D's balance ratio is the measure.

The level of the balance ratio depends on widths, learning rates and losses; a band of one pair of
networks starves the discriminator of another or drives it dense. What two networks have in common
is the shape: the denser D, the lower the ratio, ever less so. So the ratio of D as dense as it
begins is measured first, and D then has as few weights as keep the ratio near to that level.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sparsegan.balance import Decision, DensityController
from sparsegan.errors import SparseganError
from sparsegan.methods.adapt import Adapt, AdaptSettings
from sparsegan.methods.keywords.calibrated import CalibratedKeywords
from sparsegan.sparsity import MaskChange


@dataclass(frozen=True, kw_only=True)
class CalibratedSettings(AdaptSettings):
    """Settings of ADAPT with a calibrated band; what is not named here is as in ADAPT.

    Attributes:
        discriminator_density: D's while the level is measured, and the most that it has reason to
            come back to; None: dense.
        low_level: Lower edge of the band, in levels; `low` is not used.
        high_level: Upper edge, in levels; `high` is not used.
        calibration: Share of the run after which the level is taken, from the window that ends
            there, or from the first one after it that can be trusted.
    """

    low_level: float = 1.1
    high_level: float = 1.35
    calibration: float = 0.2

    def densities(self) -> tuple[float, float]:
        """As set; D is dense where it is not set."""
        d = self.discriminator_density
        return self.generator_density, 1.0 if d is None else d

    @property
    def band(self) -> tuple[float, float]:
        """In levels."""
        return self.low_level, self.high_level

    @property
    def fixed_band(self) -> tuple[float, float] | None:
        """None: it is not known before the level is."""
        return None

    def takes_level(self, step: int, steps: int) -> bool:
        """Whether the level may be taken at a step of a run of so many."""
        return step >= self.calibration * steps

    def spans(self, step: int, steps: int) -> Iterator[tuple[str, object]]:
        """When the level is taken."""
        why = "the level of the band is taken at a share of the run (method.calibration)"
        yield why, self.takes_level(step, steps)

    def _decisions(self, steps: int) -> range:
        """Those after the one that takes the level."""
        interval = self.control_interval
        assert interval is not None  # the variant's, where none was set
        first = math.ceil(self.calibration * steps / interval) * interval
        return range(max(first, interval) + interval, steps, interval)

    def check(self, steps: int) -> None:
        """Refuse a share outside (0, 1), another signal than the ratio, and edges below 0, too."""
        super().check(steps)
        if not 0 < self.calibration < 1:
            raise SparseganError(f"calibration is {self.calibration}: it must lie in (0, 1)")
        if self.signal != "ratio" or self.lever != "density":
            raise SparseganError(
                f"signal is {self.signal!r} and lever {self.lever!r}: the band that calibrates "
                "itself is one of the ratio, and what it moves is D's density"
            )
        if self.low_level < 1:
            raise SparseganError(
                f"low_level is {self.low_level}: below 1 a discriminator would be too weak for it "
                "that is as dense as at the start"
            )
        if not self._decisions(steps):
            raise SparseganError(
                f"no decision follows the one at {self.calibration:.0%} of {steps} steps that "
                f"takes the level: shorten control_interval ({self.control_interval})"
            )


class Calibrated(CalibratedKeywords, Adapt):
    """ADAPT, its band a multiple of the balance ratio that D has as it begins.

    Attributes:
        level: That ratio; None until it is measured.
    """

    Settings = CalibratedSettings
    settings: CalibratedSettings

    level: float | None = None

    @property
    def controller(self) -> DensityController:
        """What decides, in the ratio's own units."""
        own = self.settings.controller()
        scale = 1.0 if self.level is None else self.level
        return replace(own, low=own.low * scale, high=own.high * scale)

    def _move_density(self, step: int) -> Iterator[MaskChange | Decision]:
        """Take the level when it is time, and decide on D from then on."""
        if self.level is None:
            yield self._calibrate(step)
        else:
            yield from super()._move_density(step)

    def _calibrate(self, step: int) -> Decision:
        masks, reading = self.discriminator.masks, self.balance.reading()
        reason = "the level is not measured yet"
        verdict = self.controller.band.verdict(reading)
        usable = reading.full and not reading.blind and not reading.reversed
        usable = usable and reading.valid * 2 > reading.records
        if self.settings.takes_level(step, self.steps):
            reason = f"no level can be measured: {verdict.reason}"
            if usable and math.isfinite(reading.value) and reading.value > 0:
                self.level = reading.value
                low, high = self.controller.low, self.controller.high
                reason = f"level {self.level:.3g}, so that the band is {low:.3g} to {high:.3g}"
        return Decision("hold", reason, reading, masks.budget, masks.budget, masks.total)

    def state_dict(self) -> dict[str, Any]:
        """As ADAPT's, with the level."""
        return {**super().state_dict(), "level": self.level}

    def load_state_dict(self, state: Any) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self.level = None if state["level"] is None else float(state["level"])
