"""Signs that a run goes wrong: each looks at what is recorded and says one sentence, or nothing.

Thresholds are far outside of what the runs of docs/results do; false alarms are counted in
docs/results/few-pictures.md.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sparsegan.health.history import History
from sparsegan.record.events import Evaluation

Detector = Callable[[History], str | None]


@dataclass(frozen=True)
class Finding:
    """What a detector says.

    Attributes:
        name: The detector's.
        sentence: What was seen, and a remedy.
        failing: Whether nothing is to be expected of the run as it is.
    """

    name: str
    sentence: str
    failing: bool


ALIKE = 0.25
"""Samples that differ so much, as a share of how much real images do, are all alike."""
COPYING = 0.5
"""A generator of whose samples so many repeat training images repeats them."""
WORSE = 1.3
"""A distance so many times the best one is clearly worse."""
FARTHER = 1.5
"""A distance so many times the untrained generator's is none that a run passes on its way."""
RECENT = 3
"""Lines of progress that must agree."""


def vanished(history: History) -> str | None:
    """G's gradients are nothing beside what they were: D tells it nothing any more."""
    norms = [event.generator_gradient_norm for event in history.progress]
    recent, before = _known(norms[-RECENT:]), _known(norms[:-RECENT])
    if len(recent) < RECENT or not before:
        return None
    # The median, and the largest one for those that died before there was a usual one.
    if max(recent) > max(1e-5 * statistics.median(before), 1e-8 * max(before)):
        return None
    return (
        "the generator's gradients have vanished, and it learns no more: go back to the best "
        "checkpoint with lower learning rates, more --discriminator_steps or a denser "
        "discriminator"
    )


def exploded(history: History) -> str | None:
    """Gradients are a thousand times what they were."""
    for name in ("generator", "discriminator"):
        norms = _known(getattr(event, f"{name}_gradient_norm") for event in history.progress)
        if len(norms) < 4 * RECENT:
            continue
        if min(norms[-RECENT:]) > 1000 * statistics.median(norms[:-RECENT]) > 0:
            return (
                f"the {name}'s gradients are a thousand times what they were: lower its learning "
                "rate and go back to the best checkpoint"
            )
    return None


def flat(history: History) -> str | None:
    """D's loss has stopped moving: it scores everything alike, or has nothing left to learn."""
    losses = _known(event.discriminator_loss for event in history.progress)[-4 * RECENT :]
    if len(losses) < 4 * RECENT or not _alike(losses):
        return None
    said = f"the discriminator's loss stands still at {losses[-1]:.3g}"
    if not losses[-1]:
        return (
            f"{said}: it has nothing to learn, and the generator nothing to learn from; go back to "
            "the best checkpoint with a sparser discriminator (--method.discriminator_density) or "
            "lower learning rates"
        )
    return (
        f"{said}: it scores all images alike; go back to the best checkpoint with lower learning "
        "rates or more --discriminator_steps"
    )


def _alike(losses: Sequence[float]) -> bool:
    spread = max(losses) - min(losses)
    return spread <= 1e-3 * max(map(abs, losses))


def farther(history: History) -> str | None:
    """After half of the steps, two evaluations in a row are worse than before the first one.

    An untrained generator's flat images are nearer to real ones than the first that have forms, so
    that runs that go well do so, too, but not for so long.
    """
    late = [e for e in history.evaluations if e.step >= history.steps / 2 and value(e) < math.inf]
    if history.untrained is None or len(late) < 2:
        return None
    first, last = value(history.untrained), late[-2:]
    if first <= 0 or min(map(value, last)) < FARTHER * first:
        return None
    return (
        "the samples are farther from real images than before the first step: the distance is "
        f"{value(last[1]):.3g}, and was {first:.3g}; begin anew with more --discriminator_steps, "
        "larger batches, milder --augment or lower learning rates"
    )


def same_samples(history: History) -> str | None:
    """Generated images differ far less among each other than real ones do."""
    evaluations = [e for e in history.evaluations if e.step >= history.steps / 10]
    spread = [event for event in evaluations if event.diversity is not None]
    if len(spread) < 2 or not all(map(alike, spread[-2:])):
        return None
    return (
        f"the samples are all alike: they differ {spread[-1].diversity:.0%} as much as real images "
        "do; go back to an earlier checkpoint with lower learning rates, or give the discriminator "
        "more steps (--discriminator_steps)"
    )


def rising(history: History) -> str | None:
    """Two evaluations in a row are clearly worse than the best of a trained network."""
    known = [e for e in history.evaluations if value(e) < math.inf]
    if len(known) < 3:
        return None
    best, last = min(known[:-2], key=value), known[-2:]
    if value(best) <= 0 or min(map(value, last)) < WORSE * value(best):
        return None
    if best.high is not None and any(e.low is not None and e.low <= best.high for e in last):
        return None  # within what the images' choice makes of it
    return (
        f"the samples have become worse at two evaluations: the distance is {value(last[1]):.3g}, "
        f"and was {value(best):.3g} after step {best.step}; the best checkpoint is kept, and "
        "lower learning rates or more --discriminator_steps may keep it from happening"
    )


def value(event: Evaluation) -> float:
    """The distance of an evaluation; infinite where there is none."""
    return math.inf if event.value is None else event.value


def unbalanced(history: History) -> str | None:
    """One network has run away from the other."""
    records = list(history.balance)[-40:]
    past = records and records[0].step >= history.steps / 10
    gaps = [r.real - r.fake_before for r in records if None not in (r.real, r.fake_before)]  # type: ignore[operator]
    gains = [
        r.fake_after - r.fake_before  # type: ignore[operator]
        for r in records
        if None not in (r.real, r.fake_before, r.fake_after)
    ]
    if len(records) < 40 or not past or len(gaps) < 40 or len(gains) < 40:
        return None
    gap, gain = math.fsum(gaps), math.fsum(gains)
    if gap <= 0:
        return (
            "the discriminator scores generated images above real ones: make it denser "
            "(--method.discriminator_density), or train it more (--discriminator_steps)"
        )
    if gain < -0.1 * gap:
        return (
            "the generator's steps make its images worse to the discriminator: lower its learning "
            "rate (--optimiser.generator.lr)"
        )
    if gain > 3 * gap:
        return (
            f"the discriminator is too weak: the balance ratio is {gain / gap:.2g}; make it "
            "denser (--method.discriminator_density), or train it more (--discriminator_steps)"
        )
    if gain < 0.01 * gap:
        return (
            f"the discriminator is too strong: the balance ratio is {gain / gap:.2g}; make it "
            "sparser (--method.discriminator_density), or lower its learning rate"
        )
    return None


def copying(history: History) -> str | None:
    """Generated images lie nearer to training images than other real ones do."""
    last = [e for e in history.evaluations if e.step >= history.steps / 10][-2:]
    if len(last) < 2 or not all(map(repeats, last)):
        return None
    return (
        f"{last[-1].copies:.0%} of the samples repeat training images: nearer to one than nearly "
        "all held-out images are; take an earlier checkpoint, more images, or --augment"
    )


def alike(event: Evaluation) -> bool:
    """Whether generated images differ far less among each other than real ones do."""
    return event.diversity is not None and event.diversity <= ALIKE


def repeats(event: Evaluation) -> bool:
    """Whether most samples are training images.

    Of samples that are all alike nothing is known: where one of them lies, they all lie.
    """
    return event.copies is not None and event.copies >= COPYING and not alike(event)


DETECTORS: dict[str, tuple[Detector, bool]] = {
    "vanished": (vanished, True),
    "exploded": (exploded, True),
    "flat": (flat, True),
    "same_samples": (same_samples, True),
    "farther": (farther, False),
    "rising": (rising, False),
    "unbalanced": (unbalanced, False),
    "copying": (copying, False),
}
"""By name: the detector, and whether what it sees is a run that has failed."""


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
