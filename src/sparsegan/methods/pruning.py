"""What methods share that begin dense and take weights out on their way."""

import functools
from dataclasses import dataclass

from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.methods.base import Method
from sparsegan.methods.settings import Scheduled, Settings
from sparsegan.sparsity import MaskChange, SparseNetwork, weight_budget


@dataclass(frozen=True, kw_only=True)
class PruningSettings(Settings):
    """Which densities a dense pair of networks comes down to.

    Attributes:
        generator_density: Share of G's weights that are active in the end, in (0, 1].
        discriminator_density: D's; None leaves D dense.
    """

    generator_density: float = 0.1
    discriminator_density: float | None = None

    def targets(self) -> dict[str, float]:
        """The density in the end of every network that loses weights."""
        ends = {
            "generator": self.generator_density,
            "discriminator": self.discriminator_density,
        }
        return {name: end for name, end in ends.items() if end is not None and end < 1}

    def check(self, steps: int) -> None:
        """Refuse densities outside (0, 1], too."""
        super().check(steps)
        for name in ("generator_density", "discriminator_density"):
            density = getattr(self, name)
            if density is None and name == "discriminator_density":
                continue
            if not (type(density) in (int, float) and 0 < density <= 1):
                raise SparseganError(f"{name} is {density}: it must lie in (0, 1], 1 being dense")


class Pruning(Method):
    """A method that sets the densities of `Settings.scheduled`, by the magnitudes of weights."""

    @functools.cached_property
    def _moves(self) -> tuple[Scheduled, ...]:
        return tuple(self.settings.scheduled(self.steps))

    def scheduled(self, step: int) -> list[Scheduled]:
        """What is to be set after a step."""
        return [move for move in self._moves if move.step == step]

    def prune(self, move: Scheduled, scores: Tensor | None = None) -> MaskChange:
        """Take weights out over a whole network, ties at random.

        Args:
            move: The network and its density.
            scores: A number for each weight, of which the lowest go; None: its magnitude.
        """
        network = self.networks[move.network]
        budget = weight_budget(move.density, network.masks.total)
        return network.prune(budget, scores=scores, generator=self.random).of(move.network)

    def _is_sparse(self, network: SparseNetwork) -> bool:
        names = {move.network for move in self._moves}
        return any(self.networks[name] is network for name in names)
