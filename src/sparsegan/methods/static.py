"""Static sparse training: masks are drawn once and never move (ADAPT, section 3.2)."""

from dataclasses import dataclass

from sparsegan.methods import base


@dataclass(frozen=True, kw_only=True)
class StaticSettings(base.Settings):
    """Settings of static sparse training.

    Attributes:
        generator_density: Share of G's weights that are active, in (0, 1].
        discriminator_density: D's; None takes the generator's ("Static-Balance"); the published
            "Static-Strong" are 1.0 (relaxed tables) and 0.5 (strict).
    """

    generator_density: float = 0.1
    discriminator_density: float | None = None


class Static(base.Method):
    """Fixed random masks on both networks."""

    Settings = StaticSettings
    settings: StaticSettings

    def densities(self) -> tuple[float, float]:
        """As set; D's is G's unless given."""
        chosen = self.settings
        d = chosen.discriminator_density
        return chosen.generator_density, chosen.generator_density if d is None else d
