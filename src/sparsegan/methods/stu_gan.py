"""STU-GAN: a very sparse generator, a denser discriminator, both sparse from scratch (IJCV 2023).

Every ``interval`` steps, layer by layer in each network named by ``explore``: drop the smallest
magnitudes, grow exactly as many in the same layer, in G by gradient and in D at random. Sparse
weights are averaged with an average that starts anew where a weight is grown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.stu_gan import StuGanKeywords
from sparsegan.methods.rewiring import RewiringSettings
from sparsegan.methods.settings import Growing
from sparsegan.methods.static import Static, StaticSettings
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.ema import Buffers, Form
from sparsegan.sparsity.network import Growth

Explore = Literal["generator", "discriminator", "both"]


@dataclass(frozen=True, kw_only=True)
class StuGanSettings(RewiringSettings, StaticSettings):
    """Settings of STU-GAN; defaults are the published constants (methods.md, B1 to B5).

    Attributes:
        explore: Whose mask moves: ``generator``, ``discriminator`` or ``both``.
        generator_growth: ``gradient`` (published), ``random`` or ``hybrid``.
        discriminator_growth: ``random`` (published), ``gradient`` or ``hybrid``.
        generator_density: Published headline: 0.2.
        discriminator_density: Published headline: 0.3; the earlier scripts: 0.5.
        interval: Published: 1000 (SNGAN, CycleGAN) and 500 (BigGAN).
        maskable: ``stu-gan``: two-dimensional convolutions only.
    """

    explore: Explore = "both"
    generator_growth: Growth = "gradient"
    discriminator_growth: Growth = "random"
    generator_density: float = 0.2
    discriminator_density: float | None = 0.3
    interval: int = 1000
    maskable: str = "stu-gan"
    ema_form: Form = "reseeded"
    ema_buffers: Buffers = "average"

    def __post_init__(self) -> None:
        if self.explore not in get_args(Explore):
            raise SparseganError(
                f"explore is {self.explore!r}: choose one of {', '.join(get_args(Explore))}"
            )
        super().__post_init__()

    def growths(self) -> tuple[Growing, ...]:
        """In every network that explores, each by its own kind of growth."""
        both = (
            Growing("generator", self.interval, self.generator_growth),
            Growing("discriminator", self.interval, self.discriminator_growth),
        )
        return tuple(growing for growing in both if self.explore in (growing.network, "both"))


class StuGan(StuGanKeywords, Static):
    """Two sparse networks that explore their masks within fixed layer budgets."""

    Settings = StuGanSettings
    settings: StuGanSettings

    def update(self, step: int) -> Iterator[MaskChange | Decision]:
        """Explore: drop and grow within every layer."""
        if self.due(self.settings.interval, step):
            for network, _, growth in self.settings.growths():
                yield (
                    self.networks[network]
                    .rewire(
                        self.settings.drop_fraction()(step, self.steps),
                        **self.settings.grow(growth),
                        scope="layer",
                        rounding="ceil",
                        generator=self.random,
                    )
                    .of(network)
                )
