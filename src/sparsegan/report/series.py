"""Curves as lists of points: thinned for the page, and the range in which they are drawn."""

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float | None]
"""(step, value); a value of None is a gap in the curve."""

LIMIT = 600
"""Points a drawn curve may have: more than the pixels of a phone, fewer than the eye can tell."""


def thin(points: Sequence[Point], limit: int = LIMIT) -> list[Point]:
    """At most `limit` of the points, such that every peak and every dip stays.

    The interior is cut into equal buckets; each gives its smallest and its largest value, in their
    order. The first and last point stay. A bucket without any value stays a gap.

    Args:
        points: the curve, in the order of its steps.
        limit: the most points to return, at least 4.
    """
    if len(points) <= limit:
        return list(points)
    interior = points[1:-1]
    buckets = (limit - 2) // 2
    kept = [points[0]]
    for bucket in range(buckets):
        start = bucket * len(interior) // buckets
        end = (bucket + 1) * len(interior) // buckets
        kept.extend(_extremes(interior[start:end]))
    kept.append(points[-1])
    return kept


def _extremes(bucket: Sequence[Point]) -> list[Point]:
    known = [(value, index) for index, (_, value) in enumerate(bucket) if value is not None]
    if not known:
        return [bucket[0]]
    return [bucket[index] for index in sorted({min(known)[1], max(known)[1]})]


def sample(points: Sequence[Point], limit: int = LIMIT) -> list[Point]:
    """At most `limit` of the points at equal distances: extremes would misshape a cloud."""
    if len(points) <= limit:
        return list(points)
    return [points[index * len(points) // limit] for index in range(limit)]


def frame(values: Iterable[float], always: Iterable[float] = ()) -> tuple[float, float]:
    """The range of values worth drawing: all of them, unless a few lie far away from the rest.

    With 20 values or more, whatever is further beyond the central 96 % than they are wide is left
    outside: a single ratio over a vanishing gap must not flatten the rest of its curve.

    Args:
        values: what is drawn.
        always: what must be inside in any case, such as the edges of a band.

    Returns:
        (low, high) with low < high, also where there is nothing to draw.
    """
    ordered = sorted(values)
    anchors = list(always)
    if ordered:
        low, high = ordered[0], ordered[-1]
        inner_low, inner_high = bulk(ordered)
        span = inner_high - inner_low
        if len(ordered) >= 20 and span > 0:
            low, high = max(low, inner_low - span), min(high, inner_high + span)
        anchors += [low, high]
    if not anchors:
        return 0.0, 1.0
    low, high = min(anchors), max(anchors)
    if low == high:
        margin = abs(low) * 0.1 or 0.5
        return low - margin, high + margin
    return low, high


def bulk(values: Iterable[float]) -> tuple[float, float]:
    """The ends of the central 96 % of the values, of which there must be one at least."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(0.02 * last)], ordered[round(0.98 * last)]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) inside [low, high], about so many."""
    rough = (high - low) / max(about, 1)
    if not math.isfinite(rough) or rough <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    distance = next(power * step for step in (1, 2, 5, 10) if power * step >= rough * 0.999)
    first, last = math.ceil(low / distance - 1e-9), math.floor(high / distance + 1e-9)
    digits = max(0, -math.floor(math.log10(distance)))
    return [round(index * distance, digits) for index in range(first, last + 1)]
