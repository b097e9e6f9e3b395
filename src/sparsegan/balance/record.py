"""One measurement of two networks against each other."""

import math
from dataclasses import dataclass

# A gap that is a smaller share of the scores' own size than this is rounding, not separation.
SMALLEST_GAP = 1e-3


@dataclass(frozen=True)
class BalanceRecord:
    """One measurement: mean scores (logits) of one discriminator.

    Attributes:
        real: Of the real batch that D saw last.
        fake_before: Of the fakes of G before its step.
        fake_after: Of the fakes of G after its step, from the same latents.
        real_positive: Share of the real scores that are above 0.
        fake_spread: Standard deviation over the batch of the fakes' scores before G's step, each
            fake's being its mean.
        generator_gradient: Norm of what G's step was made by over the norm of G's weights, both of
            active weights alone.
        discriminator_gradient: The same of D's last step before the measurement.

    What was not looked at, or was not saved by an older state, is NaN.

    Example:
        >>> BalanceRecord(real=1.0, fake_before=-1.0, fake_after=0.0).ratio
        0.5
    """

    real: float
    fake_before: float
    fake_after: float
    real_positive: float = math.nan
    fake_spread: float = math.nan
    generator_gradient: float = math.nan
    discriminator_gradient: float = math.nan

    @property
    def gain(self) -> float:
        """What G's step won: ``E D(G_post(z)) - E D(G_pre(z))``."""
        return self.fake_after - self.fake_before

    @property
    def gap(self) -> float:
        """What D separates: ``E D(x) - E D(G_pre(z))``."""
        return self.real - self.fake_before

    @property
    def size(self) -> float:
        """What the scores of this record are small or large against."""
        return abs(self.real) + abs(self.fake_before)

    @property
    def finite(self) -> bool:
        """Whether every score is a finite number."""
        return math.isfinite(self.real + self.fake_before + self.fake_after)

    @property
    def valid(self) -> bool:
        """Whether the gap is clearly positive, so that the ratio means something."""
        return self.finite and self.gap > SMALLEST_GAP * self.size

    @property
    def separates_all(self) -> bool:
        """Whether D scores every real image above 0, and fakes two standard deviations below.

        Under a hinge, for one, it then has no gradient, since there is nothing left to learn.
        """
        return self.real_positive == 1 and self.fake_before + 2 * self.fake_spread < 0

    @property
    def upside_down(self) -> bool:
        """Whether D scores real images clearly lower than fakes, and G's step lowers its score.

        A D that is merely weak has no clear gap or one of the wrong sign, too, but a step of G
        raises its score all the same.
        """
        return self.finite and self.gap < -SMALLEST_GAP * self.size and self.gain < 0

    @property
    def ratio(self) -> float:
        """The balance ratio, ``gain / gap``; NaN where the record is not valid."""
        return self.gain / self.gap if self.valid else math.nan

    @property
    def raw_ratio(self) -> float:
        """``gain / gap`` whatever the gap: IEEE division, so infinite or NaN over a gap of 0."""
        return divided(self.gain, self.gap)


def divided(gain: float, gap: float) -> float:
    """The quotient as IEEE 754 has it, where Python's division raises."""
    if gap != 0:
        return gain / gap
    if gain == 0 or math.isnan(gain):
        return math.nan
    return math.copysign(math.inf, gain) * math.copysign(1.0, gap)
