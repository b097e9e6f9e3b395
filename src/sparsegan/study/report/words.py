"""A study's outcome in words: which one, at what price, and how sure that is."""

from collections.abc import Sequence

from sparsegan.report.format import count, figure, percent, seconds
from sparsegan.study.report.compare import Verdict, difference, pairs_of
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
        return ["No cell has finished with a value: there is nothing to compare yet."]
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
        said = [f"{leader.name} has the lowest {metric}, {value}, {_doubt(verdict, groups)}."]
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
    found = group.spread(key)
    if found is None:
        return figure(None)
    around = "" if found.deviation is None else f" ± {figure(found.deviation, 2)}"
    return figure(found.mean) + around


def _doubt(verdict: Verdict, groups: Sequence[Group]) -> str:
    """Why the group with the lowest mean is no winner."""
    leader = verdict.leader
    assert leader is not None
    reasons = []
    lost = leader.with_status("diverged")
    if lost:
        reasons.append(f"but {lost} of its {_counted(len(leader.rows), 'cell')} diverged")
    failed = leader.with_status("failed")
    if failed:
        reasons.append(f"but {failed} of its {_counted(len(leader.rows), 'cell')} failed")
    if verdict.rivals:
        names = _listed([group.name for group in verdict.rivals])
        if verdict.smallest is None:
            reasons.append(
                f"but one seed says nothing of the noise: no winner among it and {names}"
            )
        else:
            reasons.append(
                f"but that is inside the noise of {_seeds(groups)}: it cannot be told from {names}"
            )
    left = sum(group.left for group in groups)
    if left:
        reasons.append(
            f"and {_counted(left, 'cell')} still to run"
            if reasons
            else f"with {_counted(left, 'cell')} still to run"
        )
    return ", ".join(reasons)


def _next(leader: Group, measured: Sequence[Group]) -> str:
    second = min(
        (group for group in measured if group is not leader),
        key=lambda group: group.mean(PRIMARY) or 0.0,
    )
    found = difference(second, leader, pairs_of(measured))
    if found is None or found.interval.low is None:
        return f"{second.name} comes next"
    return (
        f"{second.name}, which comes next, is worse by {figure(found.interval.mean)} "
        f"({figure(found.interval.low)} to {figure(found.interval.high)} at 95 %, "
        f"{_counted(len(found.seeds), 'seed')})"
    )


def _price(group: Group, groups: Sequence[Group]) -> str:
    """What a group costs, beside the study's first arm."""
    reference = reference_of(group, groups)
    parts = []
    weights = group.mean("generator_weights")
    if weights is not None:
        parts.append(
            f"{count(weights)} generator weights{_beside(group, reference, 'generator_weights')}"
        )
    for key, what, form in (
        ("cost", "operations", figure),
        ("seconds", "of training", seconds),
    ):
        value = group.mean(key)
        if value is not None:
            parts.append(f"{form(value)} {what}{_beside(group, reference, key)}")
    if not parts:
        return ""
    return f"{group.name} costs {_listed(parts)}."


def _beside(group: Group, reference: Group, key: str) -> str:
    own, whole = group.mean(key), reference.mean(key)
    if group is reference or own is None or not whole:
        return ""
    if abs(own / whole - 1) < 0.005:
        return f" (as {reference.name})"
    return f" ({percent(own / whole)} of {reference.name})"


def _seeds(groups: Sequence[Group]) -> str:
    numbers = sorted({len(group.by_seed()) for group in groups if group.by_seed()})
    if len(numbers) == 1:
        return _counted(numbers[0], "seed")
    return f"{numbers[0]} to {numbers[-1]} seeds"


def _counted(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 6:
        names = [*names[:5], f"{len(names) - 5} others"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
