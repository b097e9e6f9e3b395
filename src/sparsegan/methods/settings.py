"""The settings that all methods share, and what follows from them alone."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin, get_type_hints

from sparsegan.balance.band import Direction, Signal
from sparsegan.balance.decision import Lever
from sparsegan.errors import SparseganError
from sparsegan.methods.requests import NOTHING, Requests
from sparsegan.nearest import did_you_mean
from sparsegan.sparsity.allocation import Allocation
from sparsegan.sparsity.ema import Buffers, Form, check_decay
from sparsegan.sparsity.moments import Moments
from sparsegan.sparsity.network import Growth
from sparsegan.sparsity.units import Granularity


class Growing(NamedTuple):
    """Weights of a network that may grow every so many steps.

    Attributes:
        network: ``generator`` or ``discriminator``.
        interval: Generator steps from one growth to the next.
        growth: Their kind of growth.
    """

    network: str
    interval: int
    growth: Growth


class Scheduled(NamedTuple):
    """A density that a method is going to set, whatever happens.

    Attributes:
        step: Generator steps completed by then.
        network: ``generator`` or ``discriminator``.
        density: Its share of active weights from then on.
    """

    step: int
    network: str
    density: float


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every method is set by.

    Attributes:
        allocation: How layers share a network's density: ``erk`` (published), ``er``, ``uniform``.
        layer_densities: Densities of single layers at the start, ``generator.NAME=DENSITY`` or
            ``discriminator.NAME=DENSITY``; the other layers of that network share what is left.
        maskable: Which layers are masked: ``adapt`` (published for ADAPT and its baselines: every
            Linear and convolution whose name holds no "bias", "gain" or "classifier"),
            ``stu-gan`` (two-dimensional convolutions only) or ``weights`` (all).
        granularity: What is active or not as a whole: a single ``weight`` (published) or a
            ``block``, four consecutive output channels at one input channel and kernel place,
            which native kernels compute faster.
        moments: Optimiser moments of grown weights: ``seeded``, ``zero`` (RigL) or ``kept``.
        ema_decay: Decay of the generator's average (published: 0.999); None for no average.
        ema_form: ``masked`` (ADAPT) or ``reseeded`` (STU-GAN).
        ema_start: Step until which the average is the weights themselves.
        ema_buffers: ``live`` or ``average`` (published STU-GAN).
        balance_every: Generator steps between two measurements of the balance ratio
            (published: 10).
        balance_window: Measurements that a decision looks at (published: 100).
        faithful: Names of things to do as the published code does where this library's default
            is sounder (methods.md, C), or ``all``.
    """

    allocation: Allocation = "erk"
    layer_densities: tuple[str, ...] = ()
    maskable: str = "adapt"
    granularity: Granularity = "weight"
    moments: Moments = "seeded"
    ema_decay: float | None = 0.999
    ema_form: Form = "masked"
    ema_start: int = 0
    ema_buffers: Buffers = "live"
    balance_every: int = 10
    balance_window: int = 100
    faithful: tuple[str, ...] = ()

    FAITHFUL: ClassVar[tuple[str, ...]] = (
        "kept_moments",
        "mean_of_ratios",
        "unguarded_ratio",
        "evaluation_last",
    )
    """What `faithful` may name."""

    def densities(self) -> tuple[float, float]:
        """The densities that generator and discriminator start with."""
        return 1.0, 1.0

    def pinned_densities(self, network: str, names: Sequence[str]) -> dict[int, float]:
        """What `layer_densities` says of a network: densities by the layers' places.

        Args:
            network: ``generator`` or ``discriminator``.
            names: Of its masked layers, in order.

        Raises:
            SparseganError: A layer is none of these or named twice, its density is not in (0, 1],
                or the network starts dense.
        """
        pinned: dict[int, float] = {}
        generator, discriminator = self.densities()
        start = generator if network == "generator" else discriminator
        for text in self.layer_densities:
            of, _, rest = text.partition(".")
            name, _, number = rest.rpartition("=")
            if of not in ("generator", "discriminator") or not name:
                raise SparseganError(
                    f"layer_densities has {text!r}: write generator.NAME=DENSITY or "
                    "discriminator.NAME=DENSITY"
                )
            try:
                density = float(number)
            except ValueError:
                density = math.nan
            if not 0 < density <= 1:
                raise SparseganError(
                    f"layer_densities has {text!r}: a density must be a number in (0, 1]"
                )
            if of == network and name not in names:
                remedy = did_you_mean(name, names, f"masked are {', '.join(names)}")
                raise SparseganError(
                    f"layer_densities names {name!r}, which is no masked layer of the {of}: "
                    f"{remedy}"
                )
            if of != network:
                continue
            if start == 1:
                raise SparseganError(
                    f"layer_densities names {name!r} and the {of} starts dense, so there is "
                    "nothing to share out: leave it out"
                )
            if names.index(name) in pinned:
                raise SparseganError(f"layer_densities names {name!r} of the {of} twice")
            pinned[names.index(name)] = density
        return pinned

    def growths(self) -> tuple[Growing, ...]:
        """Where weights may grow during the run."""
        return ()

    def spans(self, step: int, steps: int) -> Iterator[tuple[str, object]]:
        """What else a step does by its share of the whole run, with the words for it.

        Args:
            step: Of the run.
            steps: How many it has.
        """
        return iter(())

    def resurrects(self, network: str) -> bool:
        """Whether a network's weights grow again with the values that they were dropped with."""
        return False

    @property
    def band(self) -> tuple[float, float] | None:
        """The band that the balance ratio is kept in; None where nothing controls it."""
        return None

    @property
    def fixed_band(self) -> tuple[float, float] | None:
        """That band, where it is known before the run."""
        return self.band

    @property
    def signal(self) -> Signal:
        """What is kept in the band."""
        return "ratio"

    @property
    def lever(self) -> Lever:
        """What is moved to keep it there."""
        return "density"

    def density_course(self, steps: int, direction: Direction) -> Iterator[tuple[int, float]]:
        """Steps and densities of a discriminator that every decision moves in one direction.

        Args:
            steps: Generator steps of the whole run.
            direction: Where every decision moves it, as far as it may go.
        """
        yield from ()

    def moved(self, step: int, density: float, weights: Mapping[str, int]) -> Iterator[Scheduled]:
        """The densities that follow where a decision brings the discriminator to one.

        Args:
            step: Of the decision.
            density: The discriminator's from then on, if it can be had.
            weights: Maskable weights of each network.
        """
        yield Scheduled(step, "discriminator", density)

    def steps_course(
        self, steps: int, at_first: int, direction: Direction
    ) -> Iterator[tuple[int, int]]:
        """Steps and D's steps for each of G where every decision moves those in one direction.

        Args:
            steps: Generator steps of the whole run.
            at_first: D's steps for each of G at the start.
            direction: Where every decision moves them, as far as they may go.
        """
        yield from ()

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """The densities that are set on the way whatever happens, in the order of their steps.

        Those at the start are `densities`; what a controller may do is `density_course`.

        Args:
            steps: Generator steps of the whole run.
        """
        yield from ()

    def requests(self, steps: int) -> Requests:
        """What the loop is asked for from the first step on.

        Args:
            steps: Generator steps of the whole run.
        """
        return NOTHING

    def last_training(self, steps: int) -> int:
        """Generator steps after which the last training begins; 0 where a run is one training.

        Args:
            steps: Generator steps of the whole run.
        """
        return 0

    def sparsest(self, steps: int) -> dict[str, float]:
        """The lowest density, known ahead, that each network is ever to have."""
        lowest = dict(zip(("generator", "discriminator"), self.densities(), strict=True))
        for _, network, density in self.scheduled(steps):
            lowest[network] = min(lowest[network], density)
        return lowest

    def restores(self, name: str) -> bool:
        """Whether `faithful` asks to do this as the published code does."""
        return name in self.faithful or ("all" in self.faithful and name in self.FAITHFUL)

    @property
    def has_statistics(self) -> bool:
        """Whether what is kept of a generator has statistics of its own beside the weights."""
        return self.ema_decay is None or self.ema_buffers == "average"

    def intervals(self) -> dict[str, Any]:
        """The settings that are numbers of steps or records, by name."""
        return {"balance_every": self.balance_every, "balance_window": self.balance_window}

    def never_due(self, steps: int) -> list[str]:
        """A sentence on the intervals that a run is too short for, where there are any.

        Args:
            steps: Generator steps of the whole run.
        """
        late = {  # masks do not move after the last step
            name: value
            for name, value in self.intervals().items()
            if name.endswith("interval") and value >= steps
        }
        if not late:
            return []
        values = " and ".join(f"{name} is {value}" for name, value in late.items())
        return [
            f"{values}, and the run has {steps} steps: what is due at such intervals never happens "
            "in it; make them a small part of the steps, or steps= more"
        ]

    def check(self, steps: int) -> None:
        """Refuse settings out of their range, or that do not fit together.

        Args:
            steps: Generator steps of the whole run.

        Raises:
            SparseganError: Naming the first such setting.
        """
        for name, value in {"steps": steps, **self.intervals()}.items():
            if not isinstance(value, int) or value < 1:
                raise SparseganError(f"{name} is {value}: it must be a whole number from 1 up")
        known = (*self.FAITHFUL, "all")
        for name in self.faithful:
            if name not in known:
                method = type(self).__name__.removesuffix("Settings")
                raise SparseganError(f"faithful names {name!r}: {method} knows {', '.join(known)}")
        if self.ema_decay is not None:
            check_decay(self.ema_decay)
        if self.ema_start < 0:
            raise SparseganError(f"ema_start is {self.ema_start}: it must be at least 0")

    def require_statistics(self, bn: str, weights: str) -> None:
        """Refuse stored statistics for averaged weights whose average has none.

        Args:
            bn: Normalisation while drawing (`draw.sampling.Normalisation`).
            weights: Those that are drawn from (`draw.sampling.Weights`).

        Raises:
            SparseganError: The statistics would be those of other weights.
        """
        if bn == "stored" and weights == "ema" and not self.has_statistics:
            raise SparseganError(
                "stored statistics are wanted of averaged weights, and the average has none of its "
                "own (method.ema_buffers is live): train with --method.ema_buffers average, or "
                "choose standing or batch statistics"
            )


def build_settings(cls: type[Settings], values: Mapping[str, Any]) -> Any:
    """A method's settings from keywords; an unknown name or choice is refused with those known."""
    names = [field.name for field in dataclasses.fields(cls)]
    for name in values:
        if name not in names:
            raise SparseganError(f"unknown setting {name!r}: {_meant(name, names)}")
    for name, kind in get_type_hints(cls).items():
        if get_origin(kind) is Literal and values.get(name, get_args(kind)[0]) not in get_args(
            kind
        ):
            choices = ", ".join(get_args(kind))
            raise SparseganError(f"{name} is {values[name]!r}: choose one of {choices}")
    return cls(**values)


def _meant(name: str, names: Sequence[str]) -> str:
    """What is meant by a setting that nobody knows: ``density`` is one of two."""
    wanted = name.replace("sparsity", "density")
    if near := [known for known in names if known.endswith(f"_{wanted}")]:
        of_it = " (the share of active weights, 1 - sparsity)" if wanted != name else ""
        return f"did you mean {' or '.join(near)}{of_it}?"
    return did_you_mean(wanted, names, f"known are {', '.join(names)}")
