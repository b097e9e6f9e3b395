"""The settings of drop-and-grow that all dynamic methods share."""

from dataclasses import dataclass
from typing import Any

from sparsegan.methods.growth import GrowthSettings
from sparsegan.sparsity import DropFraction
from sparsegan.sparsity.network import Growth
from sparsegan.sparsity.schedule import Shape


@dataclass(frozen=True, kw_only=True)
class RewiringSettings(GrowthSettings):
    """How often a mask is rewired and how much of it.

    Attributes:
        interval: Generator steps between two rewirings (published: ADAPT 500, STU-GAN 1000).
        drop_start: Share of active weights dropped at the start of the run (published: 0.5).
        drop_end: The share at its end (published: 0.005).
        drop_shape: How it falls: ``cosine`` (published), ``linear`` or ``constant``.
    """

    interval: int = 500
    drop_start: float = 0.5
    drop_end: float = 0.005
    drop_shape: Shape = "cosine"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.drop_fraction()  # refuses fractions outside [0, 1]

    def intervals(self) -> dict[str, Any]:
        """With the interval of rewiring."""
        return {**super().intervals(), "interval": self.interval}

    def over_network(self, step: int, steps: int, growth: Growth) -> dict[str, Any]:
        """How `SparseNetwork.rewire` drops and grows over a whole network, as ADAPT's methods do.

        Args:
            step: Generator steps completed.
            steps: Of the whole run.
            growth: By what weights grow.
        """
        fraction = self.drop_fraction()(step, steps)
        return self.grow(growth) | {"fraction": fraction, "scope": "network", "rounding": "floor"}

    def drop_fraction(self) -> DropFraction:
        """The schedule: a function of (step, steps)."""
        return DropFraction(self.drop_start, self.drop_end, self.drop_shape)
