"""SDST, single dynamic sparse training: G's mask moves, D's does not (ADAPT, section 4).

Every ``interval`` steps, over the whole generator: drop the smallest magnitudes, grow as many by
gradient (RigL) or at random (SET). Layer budgets are not preserved; the network's is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sparsegan.balance import Decision
from sparsegan.methods.keywords.sdst import SdstKeywords
from sparsegan.methods.rewiring import RewiringSettings
from sparsegan.methods.settings import Growing
from sparsegan.methods.static import Static, StaticSettings
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.network import Growth


@dataclass(frozen=True, kw_only=True)
class SdstSettings(RewiringSettings, StaticSettings):
    """Settings of SDST; defaults are the published constants (methods.md, A6).

    Attributes:
        growth: ``gradient`` (SDST-RigL), ``random`` (SDST-SET) or ``hybrid``.
    """

    growth: Growth = "gradient"

    def growths(self) -> tuple[Growing, ...]:
        """In G, at every rewiring."""
        return (Growing("generator", self.interval, self.growth),)


class Sdst(SdstKeywords, Static):
    """Static sparse training, but for a generator that is rewired."""

    Settings = SdstSettings
    settings: SdstSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Drop and grow over the whole generator, at a fixed count."""
        own = self.settings
        if self.due(own.interval, step):
            how = own.over_network(step, self.steps, own.growth)
            yield self.generator.rewire(**how, generator=self.random).of("generator")
