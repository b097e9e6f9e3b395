"""What networks run on, and what their layers take."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sparsegan.record.events.base import NETWORKS, Event

if TYPE_CHECKING:
    from sparsegan.engine import Engine


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds of a forward and both gradients of a batch.

    Attributes:
        masked: On dense kernels under masks, whatever the density.
        fixed: On native kernels at density 0.
        slope: What density 1 adds to it.
    """

    masked: float | None
    fixed: float | None
    slope: float | None


@dataclass(frozen=True, slots=True)
class LayerSeconds:
    """What a layer takes on either kind of kernels.

    Attributes:
        name: The module's path in its network.
        kind: Its type.
        shape: Of the weight.
        input: Shape of the first call's input, batch included.
        fit: Its seconds; None where it was not timed.
        unsupported: Why native kernels cannot compute it; empty where they can.
    """

    name: str
    kind: str = ""
    shape: tuple[int, ...] = ()
    input: tuple[int, ...] = ()
    fit: Seconds | None = None
    unsupported: str = ""

    @property
    def masked(self) -> float | None:
        """Seconds on dense kernels; None where it was not timed."""
        return None if self.fit is None else self.fit.masked

    def native(self, density: float) -> float | None:
        """Seconds on native kernels at a density; None where it was not timed."""
        if self.kind == "Linear" and density == 1:
            return self.masked  # native networks multiply dense linear layers densely
        if self.fit is None or self.fit.fixed is None or self.fit.slope is None:
            return None
        return self.fit.fixed + self.fit.slope * density


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels(Event):
    """The kernels that a network runs on from here on; at the start, and when the choice is new.

    Attributes:
        network: generator or discriminator.
        kernels: native or masked.
        reason: Why.
        timing: The measured table that decides, or null.
        layers: At the start, where there is a choice, else null: list of {name, kind, shape, input,
            fit {masked, fixed, slope} in seconds or null, unsupported}.
    """

    kind: ClassVar[str] = "engine"

    network: str
    kernels: str
    reason: str
    timing: Mapping[str, Any] | None
    layers: tuple[LayerSeconds, ...] | None

    @classmethod
    def of(cls, step: int, game: str | None, network: str, engine: "Engine") -> Self:
        """The event of an engine's choice."""
        layers = engine.layers
        return cls(
            step=step,
            game=game,
            network=network,
            kernels=engine.kernels,
            reason=engine.reason,
            timing=None if engine.timing is None else asdict(engine.timing),
            layers=None if layers is None else tuple(map(_layer_seconds, layers)),
        )

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether it names the network and its kernels."""
        return line.get("network") in NETWORKS and isinstance(line.get("kernels"), str)


def _layer_seconds(layer: Any) -> LayerSeconds:
    fit = layer.fit and Seconds(layer.fit.masked, layer.fit.fixed, layer.fit.slope)
    return LayerSeconds(**{**asdict(layer), "fit": fit})
