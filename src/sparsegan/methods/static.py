"""Static sparse training: masks are drawn once and never move (ADAPT, section 3.2)."""

from dataclasses import dataclass

from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.static import StaticKeywords
from sparsegan.methods.settings import Settings


@dataclass(frozen=True, kw_only=True)
class StaticSettings(Settings):
    """Settings of static sparse training.

    Attributes:
        generator_density: Share of G's weights that are active, in (0, 1].
        discriminator_density: D's; None takes the generator's ("Static-Balance"); the published
            "Static-Strong" are 1.0 (relaxed tables) and 0.5 (strict).
    """

    generator_density: float = 0.1
    discriminator_density: float | None = None

    def densities(self) -> tuple[float, float]:
        """As set; D's is G's where it is not set."""
        d = self.discriminator_density
        return self.generator_density, self.generator_density if d is None else d

    def check(self, steps: int) -> None:
        """Refuse densities outside (0, 1], too."""
        super().check(steps)
        names = ("generator_density", "discriminator_density")
        for name, density in zip(names, self.densities(), strict=True):
            if not (type(density) in (int, float) and 0 < density <= 1):
                raise SparseganError(f"{name} is {density}: it must lie in (0, 1], 1 being dense")


class Static(StaticKeywords):
    """Fixed random masks on both networks."""

    Settings = StaticSettings
    settings: StaticSettings
