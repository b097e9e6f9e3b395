"""Pruning after training: dense, then pruned at once by magnitude, then trained on.

The post-hoc baseline that sparse training is measured against (methods.md, A11 and B6): a GAN is
trained dense, the smallest weights of G, or of G and of D, are taken out over each network as a
whole, and training goes on with the masks fixed. G is pruned from its averaged weights, those that
images are drawn from (those of the moment, where the published code takes the best evaluation's),
and its average starts anew from what is left; the optimisers keep their state. As published the
training that follows is half as long as the first: 2/3 of the run are dense.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.prune import PruneKeywords
from sparsegan.methods.pruning import Pruning, PruningSettings
from sparsegan.methods.settings import Scheduled
from sparsegan.sparsity import MaskChange


@dataclass(frozen=True, kw_only=True)
class PruneSettings(PruningSettings):
    """Settings of pruning after training (methods.md, B6).

    Attributes:
        prune_at: Share of the run that is dense, in (0, 1) (published: 2/3, so that half as many
            steps follow).
        from_average: Whether G's weights are its average from then on, and pruned by that
            (published), where there is one.
    """

    prune_at: float = 2 / 3
    from_average: bool = True

    def prune_step(self, steps: int) -> int:
        """Generator steps after which weights are taken out."""
        return round(self.prune_at * steps)

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """Everything at once."""
        for network, density in self.targets().items():
            yield Scheduled(self.prune_step(steps), network, density)

    def check(self, steps: int) -> None:
        """Refuse a run without a step before the pruning, or after it, too."""
        super().check(steps)
        if not 0 < self.prune_step(steps) < steps:
            raise SparseganError(
                f"prune_at is {self.prune_at} of {steps} steps: there must be a step before the "
                "pruning and one after it, so choose a share between 0 and 1, or more steps"
            )


class Prune(PruneKeywords, Pruning):
    """Dense training, one pruning, and training on under fixed masks."""

    Settings = PruneSettings
    settings: PruneSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Prune when it is time."""
        moves = self.scheduled(step)
        average = self.ema if any(move.network == "generator" for move in moves) else None
        if average is not None and self.settings.from_average:
            average.update(step)  # this step's weights belong to it
            average.adopt()
        for move in moves:
            yield self.prune(move)
        if average is not None:
            average.restart(None)
