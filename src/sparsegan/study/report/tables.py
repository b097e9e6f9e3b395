"""The tables of a study as texts, for Markdown and for the page alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparsegan.report.format import UNKNOWN, count, figure, percent
from sparsegan.study.report.compare import Difference, comparisons, difference, ranks
from sparsegan.study.report.groups import PRIMARY, Group, number, reference_of
from sparsegan.study.report.student import interval
from sparsegan.study.report.unequal import properties
from sparsegan.study.report.words import metric_text, short_metric, spread_text
from sparsegan.study.table import Table

_SHORT = 8
"""Groups in the table that a page begins with."""


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes:
        title: Its heading.
        note: What a reader must know of it; may be empty.
        header: Names of the columns.
        rows: Texts, as many each as there are columns.
        text_columns: How many leading columns are words rather than figures.
    """

    title: str
    note: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1


def outcome(table: Table, groups: Sequence[Group], *, short: bool = False) -> TextTable:
    """Quality and price of every group, the best mean first.

    Args:
        table: The study's.
        groups: Its groups.
        short: Leave out what is not of the question "which one, at what price".
    """
    metric = metric_of(table)
    header = ["", short_metric(metric)]
    if not short:
        header += ["95 % interval", "best, again"]
    header += ["G weights"] if short else ["G weights", "weights, mean"]
    header += ["operations", f"of {table.arms[0]}", "seconds", "seeds", "diverged"]
    ordered = sorted(
        groups, key=lambda group: (group.mean(PRIMARY) is None, group.mean(PRIMARY) or 0.0)
    )
    note = (
        f"{metric_text(metric)}, smaller is better: the mean of the evaluations at 90, 95 and "
        "100 % of the steps, as mean ± standard deviation over seeds."
    )
    if short and len(ordered) > _SHORT:
        note += f" The {_SHORT} lowest of {len(ordered)}; all are below."
        ordered = ordered[:_SHORT]
    if not short:
        note += (
            " The best evaluation of a run is so in part by luck: shown besides is its checkpoint, "
            "evaluated again on other images. Weights of both networks are averaged over the "
            "steps. Operations are of the whole training, by the consistent convention, with "
            "gradients to grow by and measurements of the "
            "balance ratio."
        )
    if any(len(group.by_seed()) == 1 for group in groups):
        note += " One seed has no interval."
    rows = [_outcome(group, groups, short=short) for group in ordered]
    return TextTable("Quality and price", note, header, rows)


def _outcome(group: Group, groups: Sequence[Group], *, short: bool) -> list[str]:
    row = [group.name, spread_text(group)]
    if not short:
        values = list(group.by_seed().values())
        mean = interval(values) if values else None
        row.append(range_text(mean.low, mean.high) if mean else UNKNOWN)
        row.append(spread_text(group, "best_fresh"))
    row.append(count(group.mean("generator_weights")))
    if not short:
        row.append(count(group.mean("weights_mean")))
    spent, whole = group.mean("cost"), reference_of(group, groups).mean("cost")
    share = percent(spent / whole if spent is not None and whole else None)
    seconds = figure(group.mean("seconds"))
    return [*row, figure(spent), share, seconds, seeds_text(group), _diverged(group)]


def differences(groups: Sequence[Group], leader: Group | None) -> list[TextTable]:
    """Paired differences from the group of the lowest mean, and from the study's first arm."""
    measured = [group for group in groups if group.by_seed()]
    if leader is None or len(measured) < 2:
        return []
    together = comparisons(groups)
    from_leader = [difference(group, leader, together) for group in measured if group is not leader]
    from_first = [
        difference(group, reference, together)
        for group in measured
        if (reference := reference_of(group, groups)) is not group
    ]
    wide = "it."
    if together > 1:
        wide = (
            f"an interval wide enough for all {together} comparisons at once, and doubtful where "
            "it lies outside of its own alone."
        )
    note = (
        "Mean of the differences over the seeds that both have, with its 95 % interval (Student's "
        f"t); below zero the first is the better. A difference is clear where zero lies outside of "
        f"{wide}"
    )
    made = [_differences(f"Difference from {leader.name}, the lowest", note, from_leader)]
    if any(each and leader not in (each.group, each.other) for each in from_first):
        made.append(
            _differences(f"Difference from {groups[0].arm}, the first arm", note, from_first)
        )
    return [each for each in made if each.rows]


def _differences(title: str, note: str, gaps: Sequence[Difference | None]) -> TextTable:
    header = ("", "less", "seeds", "difference", "95 % interval", "")
    rows = [
        [
            each.group.name,
            each.other.name,
            str(len(each.seeds)),
            signed(each.interval.mean),
            range_text(each.interval.low, each.interval.high),
            _clearness(each),
        ]
        for each in gaps
        if each is not None
    ]
    return TextTable(title, note, header, rows, 2)


def _clearness(gap: Difference) -> str:
    if gap.clear:
        return "clear"
    if len(gap.seeds) < 2:
        return "one seed"
    return "doubtful" if gap.interval.excludes_zero else "inside the noise"


def ranking(table: Table, groups: Sequence[Group]) -> TextTable:
    """Mean ranks over cells."""
    ranked = sorted(ranks(table, groups), key=lambda each: each.mean)
    blocks = ranked[0].blocks if ranked else 0
    return TextTable(
        "Ranks",
        f"Mean place among the cells of equal seed and axes, 1 being the best, over {blocks} such "
        "blocks; a cell that diverged comes last.",
        ("", "mean rank"),
        [[each.name, figure(each.mean)] for each in ranked],
    )


def measures(table: Table, groups: Sequence[Group]) -> TextTable:
    """What else was measured at the evaluations, as means over seeds."""
    keys = [key for key in table.measures if key != PRIMARY and not key.endswith("floor")]
    rows = [
        [group.name, *(spread_text(group, key) for key in keys)]
        for group in groups
        if group.by_seed()
    ]
    note = "Means at 90, 95 and 100 % of the steps, mean ± standard deviation over seeds."
    return TextTable("Other measures", note, ["", *keys], rows if keys else [])


def budgets(groups: Sequence[Group]) -> TextTable:
    """Everything that may not be equal between groups, and whether it is."""
    compared = properties(groups)
    rows = [["", *("equal" if each.equal else "not equal" for each in compared)]]
    rows += [
        [group.name, *(each.values[at] for each in compared)] for at, group in enumerate(groups)
    ]
    note = "Equal are numbers within 2 % of each other."
    return TextTable("Budgets", note, ["", *(each.name for each in compared)], rows)


def cells(table: Table) -> TextTable:
    """Every cell as it stands."""
    rows = []
    for row in table:
        steps = f"{count(row['step'])} of {count(row['steps'])}"
        said = "; ".join(filter(None, (row["reason"], row["anew"])))
        rows.append(
            [
                row["cell"],
                row["status"],
                said,
                steps,
                figure(number(row, PRIMARY)),
                figure(number(row, "best")),
                percent(number(row, "generator_density")),
                percent(number(row, "discriminator_density")),
                figure(number(row, "balance_ratio")),
                figure(number(row, "seconds")),
            ]
        )
    header = ["cell", "status", "why", "steps", short_metric(metric_of(table)), "best"]
    header += ["G density", "D density", "balance ratio", "seconds"]
    return TextTable("Cells", "", header, rows, 3)


def metric_of(table: Table) -> str:
    """What the primary number is of."""
    names: dict[Any, None] = dict.fromkeys(row["metric"] for row in table if row["metric"])
    return " / ".join(map(str, names)) or "metric"


def seeds_text(group: Group) -> str:
    """How many seeds have a value, and of how many where some have none."""
    own, planned = len(group.by_seed()), len(group.rows)
    return str(own) if own == planned else f"{own} of {planned}"


def _diverged(group: Group) -> str:
    lost = group.with_status("diverged")
    return percent(lost / len(group.rows)) if lost else "0"


def range_text(low: float | None, high: float | None) -> str:
    """An interval, or that there is none."""
    return UNKNOWN if low is None else f"{figure(low)} to {figure(high)}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with its sign."""
    return ("+" if value > 0 else "") + figure(value).replace("-", "−")
