"""How weights are grown, as far as all methods that grow any have it in common."""

from dataclasses import dataclass
from typing import Any, Literal

from sparsegan.errors import SparseganError
from sparsegan.methods.settings import Settings

Resurrect = Literal["none", "generator", "discriminator", "both"]


@dataclass(frozen=True, kw_only=True)
class GrowthSettings(Settings):
    """What growth is like beside its kind.

    Attributes:
        gradient_share: Of a ``hybrid`` growth, the share that is by gradient, the rest being at
            random (default of the published code, which no script uses: 0.5).
        resurrect: Whose weights take up, when they grow again, the values that they were dropped
            with: ``none`` (published), ``generator``, ``discriminator`` or ``both``.
    """

    gradient_share: float = 0.5
    resurrect: Resurrect = "none"

    def __post_init__(self) -> None:
        if not 0 <= self.gradient_share <= 1:
            raise SparseganError(
                f"gradient_share is {self.gradient_share}: it must lie in [0, 1], 1 being growth "
                "by gradient alone"
            )

    def grow(self, growth: str) -> dict[str, Any]:
        """The arguments of a growth of that kind."""
        return {"growth": growth, "gradient_share": self.gradient_share}

    def resurrects(self, network: str) -> bool:
        """As set."""
        return self.resurrect in (network, "both")
