"""Mask changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from sparsegan.record.events.base import NETWORKS, Event, is_share, share

if TYPE_CHECKING:
    from sparsegan.sparsity import MaskChange


class LayerChange(NamedTuple):
    """A layer in a mask change: active weights before and after, and all weights."""

    name: str
    before: int
    after: int
    weights: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewiring(Event):
    """A mask change; counts are numbers of weights, for masks in blocks too.

    Attributes:
        network: generator or discriminator.
        reason: rewire, raise, lower, prune or repair.
        dropped: Weights that were active and are not.
        grown: Weights that are active and were not.
        active: Active weights after the change.
        total: Maskable weights.
        churn: Share of the active weights that are new.
        ever_active: Share of weights active at least once so far (ITOP rate).
        layers: List of [name, active before, active after, weights].
        nearly_empty: Names of layers with hardly a weight left.
        resurrected: Grown weights that have taken up a former value; only with
            `method.resurrect`.
    """

    kind: ClassVar[str] = "rewire"

    network: str
    reason: str
    dropped: int | None
    grown: int | None
    active: int | None
    total: int | None
    churn: float | None
    ever_active: float | None
    layers: tuple[LayerChange, ...]
    nearly_empty: tuple[str, ...]
    resurrected: int | None = None

    @classmethod
    def of(cls, step: int, game: str | None, change: "MaskChange") -> Self:
        """The event of a mask change."""
        return cls(
            step=step,
            game=game,
            network=change.network,
            reason=change.reason,
            dropped=change.dropped,
            grown=change.grown,
            active=change.active,
            total=change.total,
            churn=change.churn,
            ever_active=change.ever_active,
            layers=tuple(map(LayerChange._make, change.layers)),
            nearly_empty=change.nearly_empty,
            resurrected=change.resurrected,
        )

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether it names the network, and each layer with its active weights."""
        rows = line.get("layers")
        return (
            line.get("network") in NETWORKS
            and isinstance(rows, list)
            and all(
                isinstance(row, list)
                and len(row) == 4
                and isinstance(row[0], str)
                and is_share(row[2], row[3])
                for row in rows
            )
        )

    @property
    def density(self) -> float | None:
        """Density of the network after the change."""
        return share(self.active, self.total)

    @property
    def densities(self) -> dict[str, float]:
        """Density of each of the layers after the change."""
        return {layer.name: layer.after / layer.weights for layer in self.layers if layer.weights}
