"""What `Calibrated` is built with; written by scripts/method_keywords.py."""

from typing import Literal

from torch import nn, optim

from sparsegan.engine import Wanted
from sparsegan.methods.base import Method
from sparsegan.methods.keywords.documented import documented
from sparsegan.sparsity.maskable import Include


class CalibratedKeywords(Method):
    """The keywords of `Calibrated`: the fields of its settings."""

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
        generator_density: float = 0.1,
        discriminator_density: float | None = None,
        gradient_share: float = 0.5,
        resurrect: Literal["none", "generator", "discriminator", "both"] = "none",
        signal: Literal["ratio", "sign"] = "ratio",
        lever: Literal["density", "learning_rate", "steps"] = "density",
        low: float = 0.45,
        high: float = 0.55,
        density_step: float = 0.05,
        floor: float = 0.05,
        control_interval: int | None = None,
        control_growth: Literal["gradient", "random", "hybrid"] = "gradient",
        sign_low: float = 0.75,
        sign_high: float = 0.85,
        rate_step: float = 1.25,
        rate_floor: float = 0.1,
        rate_cap: float = 10.0,
        steps_floor: int = 1,
        steps_cap: int = 10,
        interval: int = 500,
        drop_start: float = 0.5,
        drop_end: float = 0.005,
        drop_shape: Literal["cosine", "linear", "constant"] = "cosine",
        variant: Literal["relaxed", "strict"] = "relaxed",
        growth: Literal["gradient", "random", "hybrid"] = "gradient",
        cap: float | None = None,
        low_level: float = 1.1,
        high_level: float = 1.35,
        calibration: float = 0.2,
        allocation: Literal["uniform", "er", "erk"] = "erk",
        layer_densities: tuple[str, ...] = (),
        maskable: str = "adapt",
        granularity: Literal["weight", "block"] = "weight",
        moments: Literal["seeded", "zero", "kept"] = "seeded",
        ema_decay: float | None = 0.999,
        ema_form: Literal["masked", "reseeded"] = "masked",
        ema_start: int = 0,
        ema_buffers: Literal["live", "average"] = "live",
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
            generator_density: Share of G's weights that are active, in (0, 1]; fixed.
            discriminator_density: D's while the level is measured, and the most that it has reason
                to come back to; None: dense.
            gradient_share: Of a ``hybrid`` growth, the share that is by gradient, the rest being at
                random (default of the published code, which no script uses: 0.5).
            resurrect: Whose weights take up, when they grow again, the values that they were
                dropped with: ``none`` (published), ``generator``, ``discriminator`` or ``both``.
            signal: What says whether D is too weak: the balance ``ratio`` (published), high where
                it is, or ``sign``, the share of real images that D scores above 0, low where it is
                (an unused option of the published code).
            lever: What is moved then: D's ``density`` (published), or at fixed densities its
                ``learning_rate`` or its ``steps`` for each of G.
            low: Lower edge of the band of the balance ratio.
            high: Upper edge of the band.
            density_step: Density added or taken at a decision (published: 0.05).
            floor: D's density never goes below it (published code: 0.05).
            control_interval: Generator steps between two decisions; None: 1000 relaxed, 2000
                strict.
            control_growth: D grows by ``gradient`` (published), at ``random`` or ``hybrid``.
            sign_low: Lower edge of the band of the signal ``sign``.
            sign_high: Upper edge; the middle, 0.8, is the target of adaptive augmentation
                (StyleGAN2-ADA: a mean sign of 0.6).
            rate_step: What D's learning rate is multiplied by, or divided, at a decision.
            rate_floor: Times the set learning rate, D's never goes below it.
            rate_cap: Times the set learning rate, D's never goes above it.
            steps_floor: D never makes fewer steps for each of G; one less or more at a decision.
            steps_cap: D never makes more.
            interval: Generator steps between two rewirings (published: ADAPT 500, STU-GAN 1000).
            drop_start: Share of active weights dropped at the start of the run (published: 0.5).
            drop_end: The share at its end (published: 0.005).
            drop_shape: How it falls: ``cosine`` (published), ``linear`` or ``constant``.
            variant: ``relaxed`` (D may become dense) or ``strict`` (D stops at the cap).
            growth: G grows by ``gradient`` (published), at ``random`` or ``hybrid``.
            cap: D's density never goes above it; None: 1.0 relaxed, 0.5 strict.
            low_level: Lower edge of the band, in levels; `low` is not used.
            high_level: Upper edge, in levels; `high` is not used.
            calibration: Share of the run after which the level is taken, from the window that ends
                there, or from the first one after it that can be trusted.
            allocation: How layers share a network's density: ``erk`` (published), ``er``,
                ``uniform``.
            layer_densities: Densities of single layers at the start, ``generator.NAME=DENSITY`` or
                ``discriminator.NAME=DENSITY``; the other layers of that network share what is left.
            maskable: Which layers are masked: ``adapt`` (published for ADAPT and its baselines:
                every Linear and convolution whose name holds no "bias", "gain" or "classifier"),
                ``stu-gan`` (two-dimensional convolutions only) or ``weights`` (all).
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
