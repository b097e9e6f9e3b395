"""GMP, gradual magnitude pruning: dense at first, and sparser step by step by a cubic (2017).

Zhu and Gupta, section 3: between the steps t0 and t1 a network's sparsity is
``s(t) = s1 + (s0 - s1) * (1 - (t - t0) / (t1 - t0)) ** 3``, set every ``interval`` steps by taking
out the smallest weights; whatever is out stays out. As the revision of STU-GAN compares with it
(methods.md, B6): over the network as a whole, from 10 % to 80 % of the run, D dense.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.gmp import GmpKeywords
from sparsegan.methods.pruning import Pruning, PruningSettings
from sparsegan.methods.settings import Scheduled
from sparsegan.sparsity import MaskChange


@dataclass(frozen=True, kw_only=True)
class GmpSettings(PruningSettings):
    """Settings of gradual magnitude pruning (methods.md, B6).

    Attributes:
        prune_from: Share of the run after which weights begin to go (published: 0.1).
        prune_until: Share of the run after which no more go (published: 0.8).
        interval: Generator steps between two prunings (Zhu and Gupta: 100 to 1000 make little
            difference).
    """

    prune_from: float = 0.1
    prune_until: float = 0.8
    interval: int = 500

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """The cubic at every interval, and its end."""
        first, last = (round(share * steps) for share in (self.prune_from, self.prune_until))
        for step in [*range(first + self.interval, last, self.interval), last]:
            left = (1 - (step - first) / (last - first)) ** 3
            for network, density in self.targets().items():
                yield Scheduled(step, network, density + (1 - density) * left)

    def intervals(self) -> dict[str, Any]:
        """With the interval of pruning."""
        return {**super().intervals(), "interval": self.interval}

    def check(self, steps: int) -> None:
        """Refuse a pruning that has no steps, or none after it, too."""
        super().check(steps)
        if not 0 <= self.prune_from < self.prune_until < 1:
            raise SparseganError(
                f"prune_from is {self.prune_from} and prune_until {self.prune_until}: both must "
                "lie in [0, 1), the first below the second"
            )
        if not round(self.prune_from * steps) < round(self.prune_until * steps) < steps:
            raise SparseganError(
                f"of {steps} steps none is left between prune_from {self.prune_from}, prune_until "
                f"{self.prune_until} and the end: choose more steps, or other shares"
            )


class Gmp(GmpKeywords, Pruning):
    """Dense training whose weights become fewer on the way."""

    Settings = GmpSettings
    settings: GmpSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Take out as many as the cubic says."""
        for move in self.scheduled(step):
            yield self.prune(move)
