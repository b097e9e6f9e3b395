"""A long run's settings, made small enough for a CPU (docs/methods.md, scaling rules).

The scale keeps in proportion what decides whether the parts of a method still do their work: a
grown weight can grow to survive, the discriminator's density can cross its range, a decision rests
on enough measurements, the average forgets the start. Learning rates are raised for the networks
that were tried with it; numbers of discriminator steps, losses and densities stay as they are.
Estimates and moments are the library's own: sounder, and within reach of native kernels.
"""

import math
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from sparsegan.errors import SparseganError
from sparsegan.nets.architectures import find
from sparsegan.settings import kinds
from sparsegan.settings.adjust import Adjusting, Adjustment
from sparsegan.settings.config import Config
from sparsegan.words import counted

SCALES = ("small",)

STEPS = 3000
BATCH = 32
"""The size of the larger of both batches."""
NARROWER = 8
"""The widths' divisor."""
EVALUATED_IMAGES = 1000
"""Images in an evaluation."""

GROWTH = 0.05
"""Least lr × interval: Adam moves a weight by about lr a step."""
DECISIONS = 20
"""Wanted in a run, and as many rewirings."""
TRAVEL = 1.5
"""Least decisions × density step."""
RECORDS = 20
"""Least measurements of the balance ratio in a window."""
MEMORY = 0.05
"""Largest half-life of the average, in runs."""

RATES: Mapping[tuple[str, int], float] = {("sngan", 32): 1e-3, ("biggan", 32): 5e-4}
"""Least learning rates, by architecture and image size (docs/results/small-runs.md)."""
PUBLISHED_LEVEL = 0.5
"""The balance ratio that the published bands of ADAPT are about."""
LEVELS: Mapping[tuple[str, int], float] = {("sngan", 32): 0.75, ("biggan", 32): 0.60}
"""Its level at these rates and widths (docs/methods.md, scaling rules)."""


def small(config: Config, kept: Collection[str] = ()) -> tuple[Config, list[Adjustment]]:
    """The same run at the scale of a CPU and of minutes.

    Args:
        config: Any settings; what is small already stays.
        kept: Dotted keys that stay as they are; the rest follows from them.

    Returns:
        The settings, and what was changed, in order.
    """
    scaling = _Scaling(config, kept)
    scaling.size()
    scaling.length()
    scaling.rates()
    scaling.estimates()
    scaling.rewiring()
    scaling.control()
    scaling.average()
    return scaling.result(), scaling.adjustments


def of_length(
    config: Config, steps: int, why: str, kept: Collection[str] = ()
) -> tuple[Config, list[Adjustment]]:
    """The same run in so many steps, and what follows from that for its method.

    Args:
        config: Settings of a small run.
        steps: How many.
        why: Why so many.
        kept: As in `small`.
    """
    scaling = _Scaling(config, kept)
    scaling.put("steps", steps, why)
    scaling.looks()
    scaling.rewiring()
    scaling.control()
    scaling.average()
    return scaling.result(), scaling.adjustments


def decay_of(half_life: float) -> float:
    """The decay of an average that forgets half of the past in so many steps, if not sooner."""
    decay: float = 0.5 ** (1 / half_life)
    return math.floor(1e4 * decay) / 1e4


def caution(config: Config) -> str | None:
    """A sentence on a run too short for the rules that keep a method at work; else None."""
    least = DECISIONS * RECORDS
    if config.steps >= least:
        return None
    return (
        f"{counted(config.steps, 'step')}: under {least} the rules for short runs cannot hold "
        f"({DECISIONS} decisions, each on {RECORDS} measurements); such a run shows that things "
        "work, not what a method does"
    )


class _Scaling(Adjusting):
    """Settings on their way to a smaller scale."""

    def size(self) -> None:
        """Narrower networks, smaller batches."""
        kind = kinds.of(self.config.network.name)
        size = self.values["data.image_size"] or kind.image_size
        if size is not None and kind.small_image_size is not None:
            smaller = min(size, kind.small_image_size)
            self.put("data.image_size", smaller, "fewer operations an image")
        for network in ("generator", "discriminator"):
            published, key = self._published_width(network), f"network.{network}_width"
            if published is not None and (self.values[key] or published) >= published:
                width = max(1, published // NARROWER)
                self.put(key, width, f"1/{NARROWER} of the channels")
        batches = ("batch_size", "generator_batch_size")
        largest = max(self.values[key] for key in batches)
        if largest > BATCH:
            for key in batches:
                smaller = max(1, round(Fraction(self.values[key] * BATCH, largest)))
                self.put(key, smaller, "memory and time; both in proportion")
            self.put("accumulate", 1, "the batches are small")

    def _published_width(self, network: str) -> int | None:
        """None for networks of one's own, and for sizes that are refused later."""
        networks = self.config.network
        if getattr(networks, network) is not None:
            return None
        try:
            architecture = find(networks.name, self.values["data.image_size"] or 32)
        except SparseganError:
            return None
        return int(getattr(architecture, f"{network}_width"))

    def length(self) -> None:
        """A shorter run, looked at as often."""
        before = self.values["steps"]
        self.put("steps", min(before, STEPS), "minutes, not days")
        self.looks()

    def looks(self) -> None:
        """Looked at a few times on its way."""
        steps = self.values["steps"]
        self.at_most("method.ema_start", steps // 100, "1 % of the run, as published")
        for key, times in (("checkpoint.every", 6), ("sample.every", 6), ("evaluate.every", 3)):
            # Rounded up, so that none falls just before that of the last step.
            every = math.ceil(steps / times)
            self.at_most(key, every, f"{counted(steps // every, 'time')} a run")
        self.at_most("evaluate.images", EVALUATED_IMAGES, "seconds, not minutes")
        every = max(1, steps // 60)
        self.at_most("log_every", every, f"{counted(steps // every, 'time')} a run")

    def rates(self) -> None:
        """Learning rates that get somewhere in so few steps."""
        rate = RATES.get(self._size_of)
        if rate is None:
            return
        for name in ("generator", "discriminator"):
            key = f"optimiser.{name}.lr"
            if self.values[key] < rate:
                self.put(key, rate, "at a published rate so short a run hardly begins to learn")

    def estimates(self) -> None:
        """The library's sounder defaults in place of what the published codes do."""
        why = "sounder, and faster: native kernels need moments of the active weights alone"
        self.put("method.faithful", [], why)
        if self.values["evaluate.bn"] == "stored":
            self.put("evaluate.bn", "standing", "sounder: statistics of the very weights")

    @property
    def _size_of(self) -> tuple[Any, Any]:
        return self.values["network.name"], self.values["data.image_size"]

    def rewiring(self) -> None:
        """Rewirings no closer than a new weight needs to grow."""
        lr = min(self.values[f"optimiser.{name}.lr"] for name in ("generator", "discriminator"))
        least = math.ceil(Fraction(str(GROWTH)) / Fraction(str(lr)))
        wanted = max(least, self.values["steps"] // DECISIONS)
        why = f"learning rate × interval is {lr * wanted:.2g}, which is to be {GROWTH} at least"
        self.at_most("method.interval", wanted, why)

    def control(self) -> None:
        """Decisions enough to cross the range of densities, each on measurements enough."""
        steps = self.values["steps"]
        interval = max(RECORDS, steps // DECISIONS)
        made = f"{counted((steps - 1) // interval, 'decision')} a run"
        interval = self.at_most("method.control_interval", interval, made) or interval
        window_kept = "method.balance_window" in self.kept
        records = self.values["method.balance_window"] if window_kept else RECORDS
        every = max(1, interval // records)
        span = min(interval, steps)
        why = f"{counted(span // every, 'measurement')} in {counted(span, 'step')}"
        every = self.at_most("method.balance_every", every, why)
        step, decisions = self.values.get("method.density_step"), (steps - 1) // interval
        window = max(1, interval // every)
        if steps < window * every:
            why = f"no less; {counted(steps, 'step')} do not fill it"
        elif "method.control_interval" in self.values:
            why = "filled between two decisions"
        else:
            why = f"filled in {counted(window * every, 'step')}"
        self.at_most("method.balance_window", window, why)
        if step is not None and decisions and step * decisions < TRAVEL:
            exact = Fraction(str(step))
            times = math.ceil(Fraction(str(TRAVEL)) / decisions / exact)
            self.put(
                "method.density_step",
                float(min(1, times * exact)),
                f"{decisions} decisions cross the range: {TRAVEL} in sum at least",
            )
        self._band()

    def _band(self) -> None:
        networks = ("generator", "discriminator")
        needed = {key for n in networks for key in (f"network.{n}_width", f"optimiser.{n}.lr")}
        if self._size_of not in LEVELS or not needed <= {
            adjustment.key for adjustment in self.adjustments
        }:
            return
        for key in ("method.low", "method.high"):
            edge = self.values.get(key)
            if edge is not None:
                level = LEVELS[self._size_of]
                why = f"a pilot's ratio was about {level}, as {PUBLISHED_LEVEL} is published"
                self.put(key, round(edge * level / PUBLISHED_LEVEL, 3), why)

    def average(self) -> None:
        """An average that forgets the start."""
        decay = self.values["method.ema_decay"]
        if decay is not None:
            slowest = decay_of(MEMORY * self.values["steps"])
            why = f"half-life of {MEMORY:.0%} of the run at most"
            self.at_most("method.ema_decay", slowest, why)
