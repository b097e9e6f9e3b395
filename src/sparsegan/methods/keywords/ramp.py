"""What `Ramp` is built with; written by scripts/method_keywords.py."""

from typing import Literal

from torch import nn, optim

from sparsegan.engine import Wanted
from sparsegan.methods.base import Method
from sparsegan.methods.keywords.documented import documented
from sparsegan.sparsity.maskable import Include


class RampKeywords(Method):
    """The keywords of `Ramp`: the fields of its settings."""

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
        interval: int = 500,
        drop_start: float = 0.5,
        drop_end: float = 0.005,
        drop_shape: Literal["cosine", "linear", "constant"] = "cosine",
        growth: Literal["gradient", "random", "hybrid"] = "gradient",
        discriminator_end: float = 1.0,
        ramp_shape: Literal["linear", "cosine", "steps"] = "linear",
        ramp_from: float = 0.0,
        ramp_to: float = 1.0,
        ramp_steps: int = 4,
        ramp_interval: int = 100,
        ramp_growth: Literal["gradient", "random", "hybrid"] = "gradient",
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
            generator_density: Share of G's weights that are active, in (0, 1].
            discriminator_density: D's at the start; None takes the generator's, as ADAPT does.
            gradient_share: Of a ``hybrid`` growth, the share that is by gradient, the rest being at
                random (default of the published code, which no script uses: 0.5).
            resurrect: Whose weights take up, when they grow again, the values that they were
                dropped with: ``none`` (published), ``generator``, ``discriminator`` or ``both``.
            interval: Generator steps between two rewirings (published: ADAPT 500, STU-GAN 1000).
            drop_start: Share of active weights dropped at the start of the run (published: 0.5).
            drop_end: The share at its end (published: 0.005).
            drop_shape: How it falls: ``cosine`` (published), ``linear`` or ``constant``.
            growth: ``gradient`` (SDST-RigL), ``random`` (SDST-SET) or ``hybrid``.
            discriminator_end: D's from the end of the ramp on, in (0, 1]; above or below the start.
            ramp_shape: How it goes from the one to the other: ``linear`` (DynamicD), ``cosine`` or,
                in equal steps, ``steps``.
            ramp_from: Share of the run after which it begins (DynamicD: 0).
            ramp_to: Share of the run at which it ends (DynamicD: 1); at the latest with the last
                change, since no mask moves at a run's last step.
            ramp_steps: Of the shape ``steps``: into how many.
            ramp_interval: Generator steps between two changes of the density (DynamicD: 4 batches).
            ramp_growth: D grows by ``gradient`` (as in ADAPT), at ``random`` or ``hybrid``.
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
