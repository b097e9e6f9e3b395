"""What came of a run, in words: how near its images are to real ones, and what to do next."""

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass

from sparsegan.health.detectors import alike, repeats, value
from sparsegan.record.events import Evaluation, Event
from sparsegan.words import estimate

FEW = 50
"""Fewer images on a side, and the spread of a distance is as large as what it is to tell apart."""
MISSES = 0.5
"""Below this share of the coverage that held-out images have, most real ones have none near."""
CLEARLY = 0.9
"""A distance below this share of another one is better, if their intervals say so, too."""


@dataclass(frozen=True)
class Verdict:
    """What came of a game.

    Attributes:
        sentences: In the order to be read in; the first says how near the images are.
        best: The step of the best evaluation, where it is clearly better than the last one.
    """

    sentences: tuple[str, ...]
    best: int | None


def verdicts(
    events: Iterable[Event],
    *,
    best_step: int | None = None,
    from_noise: bool = True,
    failing: Container[str | None] = (),
) -> dict[str | None, Verdict]:
    """What came of each game, by its name; one that was not evaluated is not there.

    Args:
        events: Of metrics.jsonl.
        best_step: That of the run's best evaluation (`RunDirectory.best_step`).
        from_noise: Whether its networks were untrained before the first step.
        failing: Names of the games of which nothing is to be expected as they are.
    """
    games: dict[str | None, list[Evaluation]] = {}
    for event in events:
        if isinstance(event, Evaluation) and _known(event):
            games.setdefault(event.game, []).append(event)
    return {
        game: _verdict(made, best_step, from_noise, game in failing) for game, made in games.items()
    }


def _verdict(
    evaluations: list[Evaluation], best_step: int | None, from_noise: bool, failing: bool
) -> Verdict:
    first, last = evaluations[0], evaluations[-1]
    # An untrained generator's flat images can be nearer to real ones than the first with forms.
    whole = from_noise and not first.step and first is not last
    sentences = [_nearness(max(evaluations, key=value) if whole else None, last)]
    if alike(last):
        sentences.append(
            f"They are all alike: they differ {last.diversity:.0%} as much as real ones do."
        )
    if repeats(last):
        sentences.append(f"{last.copies:.0%} of them repeat training images.")
    if last.coverage is not None and last.coverage < MISSES * (last.coverage_floor or 0.0):
        sentences.append(
            f"They cover {last.coverage:.0%} of the real images, of which held-out ones cover "
            f"{last.coverage_floor:.0%}: much is missing."
        )
    best = next((e for e in evaluations if e.step == best_step), last)
    better = _better(best, last)
    if better:
        sentences.append(
            f"They were better after step {best.step:,} ({value(best):.3g}), whose checkpoint is "
            "kept."
        )
    if not from_noise and _better(first, last):
        sentences.append(
            f"They were better before the first step ({value(first):.3g}): what it began with has "
            "the better generator."
        )
    hopeless = failing or alike(last)
    if not hopeless and len(evaluations) > 2 and _better(last, evaluations[-2], sure=False):
        sentences.append("They were still becoming better at the end: more steps should pay.")
    if last.n is not None and last.n < FEW:
        sentences.append(f"With {last.n} images on a side these numbers say little: look at them.")
    elif last.held_out is not None and last.held_out < FEW:
        sentences.append(
            f"How far real ones are from each other is known by {last.held_out} held out alone."
        )
    return Verdict(tuple(sentences), best.step if better else None)


def _nearness(worst: Evaluation | None, last: Evaluation) -> str:
    """How far the images have come from those of a run's worst evaluation to real ones."""
    floor = 0.0 if last.floor is None else last.floor
    way = f"{last.metric}: {value(last):.3g}; real against real {estimate(f'{floor:.3g}', floor)}"
    if worst is None or value(worst) <= floor:
        return f"The images are at a distance of {value(last):.3g} from real ones ({way})."
    come = (value(worst) - value(last)) / (value(worst) - floor)
    if come < 0.1:
        return f"The images are hardly better than at the run's worst ({way})."
    words = next(words for least, words in _NEAR if come >= least)
    return (
        f"The images have come {min(come, 1):.0%} of the way from shapeless to real ones, {words} "
        f"({way})."
    )


_NEAR = (
    (0.97, "and are close to them"),
    (0.85, "and look like them on the whole"),
    (0.5, "and begin to look like them"),
    (0.0, "and are far from them"),
)
"""What a share of the way looks like, for grids of the runs in docs/results."""


def _better(one: Evaluation, other: Evaluation, *, sure: bool = True) -> bool:
    """Whether one distance is clearly below another, as seen from the floor."""
    floor = max(0.0, one.floor or 0.0, other.floor or 0.0)
    gap, beside = (max(value(event) - floor, 0.0) for event in (one, other))
    if gap >= CLEARLY * beside:
        return False
    known = one.high is not None and other.low is not None
    return not (sure and known) or float(one.high or 0.0) < float(other.low or 0.0)


def _known(event: Evaluation) -> bool:
    return event.value is not None and math.isfinite(event.value)
