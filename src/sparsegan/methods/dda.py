"""DDA, dynamic density adjustment: D's density follows the balance ratio, G's mask is fixed.

ADAPT, section 3.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sparsegan.balance import Decision
from sparsegan.methods.density_control import ControlSettings, DensityControl
from sparsegan.methods.keywords.dda import DdaKeywords
from sparsegan.sparsity import MaskChange


@dataclass(frozen=True, kw_only=True)
class DdaSettings(ControlSettings):
    """Settings of DDA; defaults are the published constants (methods.md, A10).

    Attributes:
        low: Lower edge of the band (published: 0.5).
        high: Upper edge of the band (published: 0.65).
    """

    low: float = 0.5
    high: float = 0.65


class Dda(DdaKeywords, DensityControl):
    """A static generator, and a discriminator whose density is moved."""

    Settings = DdaSettings
    settings: DdaSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Decide on D."""
        yield from self.control(step)
