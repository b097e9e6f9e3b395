"""SNIP: networks pruned before they are trained, by one batch (Lee, Ajanthan and Torr, ICLR 2019).

A weight's connection sensitivity is ``|w * dL/dw|`` at the start; the highest of a network stay,
G's and D's each by themselves, as the revision of STU-GAN compares with it (methods.md, B6). The
batch of each network is that of its optimiser's first step, its gradient averaged over ranks: the
first step is a scoring pass, after which both networks, optimisers and the average are as they were
at the start, and the training under the masks begins.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.snip import SnipKeywords
from sparsegan.methods.pruning import PruningSettings
from sparsegan.methods.retraining import Retraining
from sparsegan.methods.rewinding import Rewinding
from sparsegan.methods.settings import Scheduled
from sparsegan.sparsity import MaskChange, SparseNetwork


@dataclass(frozen=True, kw_only=True)
class SnipSettings(PruningSettings):
    """Settings of SNIP (methods.md, B6).

    Attributes:
        discriminator_density: D's (published: 0.3); None leaves D dense.
    """

    discriminator_density: float | None = 0.3

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """At once, after the scoring pass."""
        for network, density in self.targets().items():
            yield Scheduled(1, network, density)

    def last_training(self, steps: int) -> int:
        """After the scoring pass."""
        return 1

    def check(self, steps: int) -> None:
        """Refuse a run that is nothing but the scoring pass, too."""
        super().check(steps)
        if steps < 2:
            raise SparseganError(
                f"steps is {steps}: the first one scores the weights, so choose 2 at least"
            )


class Snip(SnipKeywords, Retraining):
    """Masks by the sensitivity of one batch, and then static sparse training."""

    Settings = SnipSettings
    settings: SnipSettings

    def prepare(self) -> None:
        """Have the first step of each network leave its dense gradient."""
        super().prepare()
        self._scores: dict[str, Tensor] = {}
        for network in self.networks.values():
            network.growth_gradient_due = functools.partial(_is_new, network)

    def kept_steps(self) -> tuple[int, ...]:
        """The start."""
        return (0,)

    def update(self, step: int) -> Iterator[MaskChange | Decision | Rewinding]:
        """Score, prune and begin; a step later where a loop has D make its first after G's."""
        if not self.snapshots:
            return
        for name, network in self.networks.items():
            if network.has_growth_gradient:
                self._scores[name] = network.sensitivity(self.snapshots[0][name])
        if self._scores.keys() != self.networks.keys():
            return
        self.rewind(self.snapshots.pop(0))
        for move in self.settings.scheduled(self.steps):
            yield self.prune(move, scores=self._scores[move.network])
        self._scores = {}
        self.begin_anew()
        yield Rewinding(0, "rewound")

    def state_dict(self) -> dict[str, Any]:
        """As the base class's, with scores that wait for the other network's."""
        return {**super().state_dict(), "scores": dict(self._scores)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        device = self.generator.masks.flat.device
        self._scores = {name: scores.to(device) for name, scores in state["scores"].items()}


def _is_new(network: SparseNetwork) -> bool:
    return network.steps == 0
