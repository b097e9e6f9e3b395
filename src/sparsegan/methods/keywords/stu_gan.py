"""What `StuGan` is built with; written by scripts/method_keywords.py."""

from typing import Literal

from torch import nn, optim

from sparsegan.engine import Wanted
from sparsegan.methods.base import Method
from sparsegan.methods.keywords.documented import documented
from sparsegan.sparsity.maskable import Include


class StuGanKeywords(Method):
    """The keywords of `StuGan`: the fields of its settings."""

    @documented
    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        opt_G: optim.Optimizer,
        opt_D: optim.Optimizer,
        *,
        steps: int,
        seed: int = 0,
        include: Include | None = None,
        engine: Wanted = "auto",
        generator_density: float = 0.2,
        discriminator_density: float | None = 0.3,
        gradient_share: float = 0.5,
        resurrect: Literal["none", "generator", "discriminator", "both"] = "none",
        interval: int = 1000,
        drop_start: float = 0.5,
        drop_end: float = 0.005,
        drop_shape: Literal["cosine", "linear", "constant"] = "cosine",
        explore: Literal["generator", "discriminator", "both"] = "both",
        generator_growth: Literal["gradient", "random", "hybrid"] = "gradient",
        discriminator_growth: Literal["gradient", "random", "hybrid"] = "random",
        allocation: Literal["uniform", "er", "erk"] = "erk",
        layer_densities: tuple[str, ...] = (),
        maskable: str = "stu-gan",
        granularity: Literal["weight", "block"] = "weight",
        moments: Literal["seeded", "zero", "kept"] = "seeded",
        ema_decay: float | None = 0.999,
        ema_form: Literal["masked", "reseeded"] = "reseeded",
        ema_start: int = 0,
        ema_buffers: Literal["live", "average"] = "average",
        balance_every: int = 10,
        balance_window: int = 100,
        faithful: tuple[str, ...] = (),
    ) -> None:
        """Make two networks sparse; `after_generator_step` does the rest.

        Args:
            G: The generator, wrapped (DataParallel, Fabric) or not; masked at once.
            D: The discriminator.
            opt_G: The generator's optimiser.
            opt_D: The discriminator's optimiser.
            steps: Generator steps of the whole run, which the schedules span.
            seed: Of masks, random growth and ties; equal on every rank, whatever the global seed.
            include: A rule of your own instead of ``maskable``, from a layer's name and module:
                which layers are masked.
            engine: What the networks run on: ``native`` sparse CPU kernels, dense ``masked`` ones,
                or ``auto`` to time both once, in the first training forward, and take the faster.
            generator_density: Published headline: 0.2.
            discriminator_density: Published headline: 0.3; the earlier scripts: 0.5.
            gradient_share: Of a ``hybrid`` growth, the share that is by gradient, the rest being at
                random (default of the published code, which no script uses: 0.5).
            resurrect: Whose weights take up, when they grow again, the values that they were
                dropped with: ``none`` (published), ``generator``, ``discriminator`` or ``both``.
            interval: Published: 1000 (SNGAN, CycleGAN) and 500 (BigGAN).
            drop_start: Share of active weights dropped at the start of the run (published: 0.5).
            drop_end: The share at its end (published: 0.005).
            drop_shape: How it falls: ``cosine`` (published), ``linear`` or ``constant``.
            explore: Whose mask moves: ``generator``, ``discriminator`` or ``both``.
            generator_growth: ``gradient`` (published), ``random`` or ``hybrid``.
            discriminator_growth: ``random`` (published), ``gradient`` or ``hybrid``.
            allocation: How layers share a network's density: ``erk`` (published), ``er``,
                ``uniform``.
            layer_densities: Densities of single layers at the start, ``generator.NAME=DENSITY`` or
                ``discriminator.NAME=DENSITY``; the other layers of that network share what is left.
            maskable: ``stu-gan``: two-dimensional convolutions only.
            granularity: What is active or not as a whole: a single ``weight`` (published) or a
                ``block``, four consecutive output channels at one input channel and kernel place,
                which native kernels compute faster.
            moments: Optimiser moments of grown weights: ``seeded``, ``zero`` (RigL) or ``kept``.
            ema_decay: Decay of the generator's average (published: 0.999); None for no average.
            ema_form: ``masked`` (ADAPT) or ``reseeded`` (STU-GAN).
            ema_start: Step until which the average is the weights themselves.
            ema_buffers: ``live`` or ``average`` (published STU-GAN).
            balance_every: Generator steps between two measurements of the balance ratio (published:
                10).
            balance_window: Measurements that a decision looks at (published: 100).
            faithful: Names of things to do as the published code does where this library's default
                is sounder (methods.md, C), or ``all``.

        Raises:
            SparseganError: For settings that do not exist or do not fit, an optimiser that is not
                the network's or not supported, or a network with nothing to mask.
        """
