"""A ramp: D's density on a schedule of its own, up or down, and G as in SDST.

ADAPT without its controller: what is left when D's density moves at the same pace, but not as the
balance asks. DynamicD (NeurIPS 2022) does as much to the width of a dense D.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.ramp import RampKeywords
from sparsegan.methods.sdst import Sdst, SdstSettings
from sparsegan.methods.settings import Growing, Scheduled
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.allocation import weight_budget
from sparsegan.sparsity.network import Growth
from sparsegan.sparsity.schedule import due

RampShape = Literal["linear", "cosine", "steps"]


@dataclass(frozen=True, kw_only=True)
class RampSettings(SdstSettings):
    """Settings of a ramp; G's are SDST's.

    DynamicD's D goes from half of its width to all of it where images are many, and the other way
    where they are few, in a straight line over the whole run (methods.md, ramps). A layer of half
    the width in and out has a quarter of the weights.

    Attributes:
        discriminator_density: D's at the start; None takes the generator's, as ADAPT does.
        discriminator_end: D's from the end of the ramp on, in (0, 1]; above or below the start.
        ramp_shape: How it goes from the one to the other: ``linear`` (DynamicD), ``cosine`` or, in
            equal steps, ``steps``.
        ramp_from: Share of the run after which it begins (DynamicD: 0).
        ramp_to: Share of the run at which it ends (DynamicD: 1); at the latest with the last
            change, since no mask moves at a run's last step.
        ramp_steps: Of the shape ``steps``: into how many.
        ramp_interval: Generator steps between two changes of the density (DynamicD: 4 batches).
        ramp_growth: D grows by ``gradient`` (as in ADAPT), at ``random`` or ``hybrid``.
    """

    discriminator_end: float = 1.0
    ramp_shape: RampShape = "linear"
    ramp_from: float = 0.0
    ramp_to: float = 1.0
    ramp_steps: int = 4
    ramp_interval: int = 100
    ramp_growth: Growth = "gradient"

    def density(self, step: int, steps: int) -> float:
        """D's density after ``step`` of ``steps``, as far as the shape goes.

        Example:
            >>> settings = RampSettings(discriminator_density=0.2, discriminator_end=0.6)
            >>> [round(settings.density(step, 500), 6) for step in (0, 100, 400, 499)]
            [0.2, 0.3, 0.6, 0.6]
        """
        start, end = self.densities()[1], self.discriminator_end
        first, last = self._span(steps)
        progress = min(max((step - first) / (last - first), 0.0), 1.0)
        if self.ramp_shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        elif self.ramp_shape == "steps":
            progress = math.floor(progress * self.ramp_steps + 1e-9) / self.ramp_steps
        return end if progress == 1 else start + (end - start) * progress

    def _span(self, steps: int) -> tuple[float, float]:
        """Where in a run the ramp begins and ends."""
        last = (steps - 1) // self.ramp_interval * self.ramp_interval
        return self.ramp_from * steps, min(self.ramp_to * steps, last)

    def moves(self, step: int, steps: int) -> bool:
        """Whether D's density is another after ``step`` than an interval before."""
        return due(step, self.ramp_interval, steps) and (
            self.density(step, steps) != self.density(step - self.ramp_interval, steps)
        )

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """Every change of D's density."""
        for step in range(self.ramp_interval, steps, self.ramp_interval):
            if self.moves(step, steps):
                yield Scheduled(step, "discriminator", self.density(step, steps))

    def growths(self) -> tuple[Growing, ...]:
        """In G at every rewiring, and in D where its density goes up."""
        if self.discriminator_end <= self.densities()[1]:
            return super().growths()
        return *super().growths(), Growing("discriminator", self.ramp_interval, self.ramp_growth)

    def intervals(self) -> dict[str, Any]:
        """With those of the ramp."""
        return {
            **super().intervals(),
            "ramp_interval": self.ramp_interval,
            "ramp_steps": self.ramp_steps,
        }

    def check(self, steps: int) -> None:
        """Refuse an end outside (0, 1], and a ramp that has no length or no step to move at."""
        super().check(steps)
        if not 0 < self.discriminator_end <= 1:
            raise SparseganError(
                f"discriminator_end is {self.discriminator_end}: it must lie in (0, 1], 1 being "
                "dense"
            )
        if not 0 <= self.ramp_from < self.ramp_to <= 1:
            raise SparseganError(
                f"the ramp goes from {self.ramp_from} to {self.ramp_to} of the run: it must be "
                "0 <= ramp_from < ramp_to <= 1"
            )
        first, last = self._span(steps)
        if not first < last:
            raise SparseganError(
                f"the ramp would begin at step {first:g} of {steps} and its last change would be "
                f"at step {last:g}: shorten ramp_interval ({self.ramp_interval})"
            )


class Ramp(RampKeywords, Sdst):
    """SDST, and a discriminator whose density goes its own way."""

    Settings = RampSettings
    settings: RampSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Rewire G, then set D's density where it has moved."""
        yield from super().update(step)
        own = self.settings
        if own.moves(step, self.steps):
            budget = weight_budget(own.density(step, self.steps), self.discriminator.masks.total)
            yield self.discriminator.resize(
                budget, **own.grow(own.ramp_growth), generator=self.random
            ).of("discriminator")
