"""A study's outcome in words: which one, at what price, and how sure that is."""

from collections.abc import Sequence

from sparsegan.report.format import count, figure, percent
from sparsegan.study.report.compare import Verdict, comparisons, difference
from sparsegan.study.report.groups import PRIMARY, Group, reference_of
from sparsegan.study.table import Table


def progress(table: Table) -> str:
    """How far the study is; empty where every cell has finished."""
    by_status: dict[str, int] = {}
    for row in table:
        by_status[row["status"]] = by_status.get(row["status"], 0) + 1
    finished = by_status.pop("finished", 0)
    if not by_status:
        return ""
    others = ", ".join(f"{count(number)} {status}" for status, number in by_status.items())
    return f"{count(finished)} of {_counted(len(table), 'cell')} finished, {others}."


def answer(verdict: Verdict, groups: Sequence[Group], metric: str) -> list[str]:
    """Sentences that say which group is the best, how surely, and what it costs."""
    leader = verdict.leader
    if leader is None:
        ended = sum(len(group.finished) for group in groups)
        if ended:
            without = f"{_counted(ended, 'cell')} finished without all of the last evaluations"
            return [f"{without}, those at 90, 95 and 100 % of the steps: nothing can be compared."]
        return ["No cell has finished: there is nothing to compare yet."]
    measured = [group for group in groups if group.by_seed()]
    value = spread_text(leader)
    if len(measured) < 2:
        return [f"{leader.name} alone has values: {metric} {value}.", _price(leader, groups)]
    if verdict.winner:
        said = [
            f"{leader.name} is the best: {metric} {value}, better than every other beyond the "
            f"noise; {_next(leader, measured)}."
        ]
    else:
        said = [f"{leader.name} has the lowest {metric}, {value}{_doubt(verdict, groups)}."]
    said.append(_price(leader, groups))
    cheapest = verdict.cheapest
    if not verdict.winner and cheapest is not None and cheapest is not leader:
        said.append(
            f"Of those that cannot be told from it {cheapest.name} takes the fewest operations, "
            f"with {metric} {spread_text(cheapest)}. {_price(cheapest, groups)}"
        )
    return [each for each in said if each]


def spread_text(group: Group, key: str = PRIMARY) -> str:
    """A mean with the deviation over seeds, `0.123 ± 0.004`."""
    spread = group.spread(key)
    if spread is None:
        return figure(None)
    around = "" if spread.deviation is None else f" ± {figure(spread.deviation, 2)}"
    return figure(spread.mean) + around


def _doubt(verdict: Verdict, groups: Sequence[Group]) -> str:
    """Why the group with the lowest mean is no winner, as the end of a sentence."""
    leader = verdict.leader
    assert leader is not None
    reasons = [
        f"{lost} of its {_counted(len(leader.rows), 'cell')} {status}"
        for status in ("diverged", "failed")
        if (lost := leader.with_status(status))
    ]
    if verdict.rivals:
        names = _listed([group.name for group in verdict.rivals])
        if verdict.smallest is None:
            reasons.append(f"one seed says nothing of the noise: it cannot be told from {names}")
        else:
            reasons.append(f"inside the noise of {_seeds(groups)} it cannot be told from {names}")
    left = sum(group.left for group in groups)
    if left:
        reasons.append(f"{_counted(left, 'cell')} {'has' if left == 1 else 'have'} not ended")
    return ", but " + ", and ".join(reasons) if reasons else ""


def _next(leader: Group, measured: Sequence[Group]) -> str:
    second = min(
        (group for group in measured if group is not leader),
        key=lambda group: group.mean(PRIMARY) or 0.0,
    )
    gap = difference(second, leader, comparisons(measured))
    if gap is None or gap.interval.low is None:
        return f"{second.name} comes next"
    return (
        f"{second.name}, which comes next, is worse by {figure(gap.interval.mean)} "
        f"({figure(gap.interval.low)} to {figure(gap.interval.high)} at 95 %, "
        f"{_counted(len(gap.seeds), 'seed')})"
    )


def _price(group: Group, groups: Sequence[Group]) -> str:
    """What a group costs, beside the study's first arm."""
    reference = reference_of(group, groups)
    parts: list[str] = []
    for key, what, form in (
        ("generator_weights", "generator weights", count),
        ("cost", "operations", figure),
        ("seconds", "seconds of training", figure),
    ):
        own, whole = group.mean(key), reference.mean(key)
        if own is None:
            continue
        beside = ""
        if group is not reference and whole:
            of = f" of {reference.name}" if not parts else ""
            beside = f" ({percent(own / whole)}{of})"
        parts.append(f"{form(own)} {what}{beside}")
    return f"{group.name} costs {_listed(parts)}." if parts else ""


def _seeds(groups: Sequence[Group]) -> str:
    numbers = sorted({len(group.by_seed()) for group in groups if group.by_seed()})
    if len(numbers) == 1:
        return _counted(numbers[0], "seed")
    return f"{numbers[0]} to {numbers[-1]} seeds"


def _counted(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 5:
        names = [*names[:3], f"{len(names) - 3} others"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def metric_text(metric: str) -> str:
    """A metric's name for people.

    Example:
        >>> metric_text("kid-efficientnet-lite0"), short_metric("kid-efficientnet-lite0")
        ('KID (efficientnet-lite0)', 'KID')
    """
    features = metric.partition("-")[2]
    return f"{short_metric(metric)} ({features})" if features and " " not in metric else metric


def short_metric(metric: str) -> str:
    """Its kind alone."""
    return metric if " " in metric else metric.partition("-")[0].upper()
