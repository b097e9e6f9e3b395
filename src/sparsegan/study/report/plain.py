"""A study's outcome as files for other programs: table.csv, results.json and table.md."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sparsegan.study.report import unequal, words
from sparsegan.study.report.compare import Verdict, comparisons, difference, ranks
from sparsegan.study.report.groups import Group, reference_of
from sparsegan.study.report.tables import (
    TextTable,
    budgets,
    cells,
    differences,
    measures,
    metric_of,
    outcome,
    ranking,
)
from sparsegan.study.table import Table

_ALL_PAIRS = 100
"""Of more groups there are differences from the first arm alone."""

_SPREADS = (
    *("best", "best_fresh", "floor", "generator_weights", "weights_mean"),
    "generator_weights_mean",
    *("discriminator_weights_mean", "cost", "operations", "operations_overhead", "seconds"),
    *("seconds_per_step", "generator_density", "discriminator_density", "balance_ratio"),
)


def csv_text(table: Table) -> str:
    """One row a cell, all keys as columns; what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = list(table[0])
    writer.writerow(keys)
    writer.writerows([_cell(row[key]) for key in keys] for row in table)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def json_text(table: Table, groups: Sequence[Group], verdict: Verdict) -> str:
    """Cells, groups, paired differences, ranks and the verdict; numbers as they are."""
    return json.dumps(_results(table, groups, verdict), indent=1, allow_nan=False) + "\n"


def _results(table: Table, groups: Sequence[Group], verdict: Verdict) -> Mapping[str, Any]:
    few = len(groups) <= _ALL_PAIRS
    compared = [
        difference(group, other, comparisons(groups))
        for index, group in enumerate(groups)
        for other in (groups[:index] if few else [reference_of(group, groups)])
        if other is not group
    ]
    return {
        "name": table.name,
        "about": table.about,
        "command": table.command,
        "metric": metric_of(table),
        "answer": words.answer(verdict, groups, words.short_metric(metric_of(table))),
        "winner": verdict.leader.point if verdict.winner and verdict.leader else None,
        "lowest": verdict.leader.point if verdict.leader else None,
        "not_told_apart": [group.point for group in verdict.rivals],
        "unequal": unequal.sentences(groups),
        "groups": [_group(group, groups, table) for group in groups],
        "differences": [
            {
                "group": each.group.point,
                "less": each.other.point,
                **asdict(each.interval),
                "clear": each.clear,
                "seeds": list(each.seeds),
            }
            for each in compared
            if each is not None
        ],
        "ranks": [asdict(each) for each in ranks(table, groups)],
        "left_out": table.left_out,
        "cells": [{key: _finite(value) for key, value in row.items()} for row in table],
    }


def _finite(value: Any) -> Any:
    """A number that JSON has."""
    return None if isinstance(value, float) and value - value != 0 else value


def _group(group: Group, groups: Sequence[Group], table: Table) -> Mapping[str, Any]:
    spreads = {key: group.spread(key) for key in (*table.measures, *_SPREADS)}
    return {
        "group": group.point,
        "arm": group.arm,
        "axes": dict(group.axes),
        "compared_with": reference_of(group, groups).point,
        "cells": len(group.rows),
        "finished": len(group.finished),
        "diverged": group.with_status("diverged"),
        "failed": group.with_status("failed"),
        "left": group.left,
        **{key: each and asdict(each) for key, each in spreads.items()},
    }


def markdown(table: Table, groups: Sequence[Group], verdict: Verdict) -> str:
    """The outcome as a page of Markdown."""
    metric = words.short_metric(metric_of(table))
    inequalities = unequal.sentences(groups)
    parts = [
        f"# {table.name}",
        _escaped(table.about),
        _escaped(" ".join(words.answer(verdict, groups, metric))),
        _escaped(words.progress(table)),
        *(f"**Not equal.** {_escaped(each)}" for each in inequalities),
        f"`{table.command}` repeats it.",
        _table(outcome(table, groups)),
        *(_table(each) for each in differences(groups, verdict.leader)),
        _table(ranking(table, groups)),
        _table(measures(table, groups)),
        _table(budgets(groups)),
        _table(cells(table)),
    ]
    if table.left_out:
        names = ", ".join(table.left_out)
        parts.append(f"Kept, and no longer in the study: {_escaped(names)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(shown: TextTable) -> str:
    if not shown.rows:
        return ""
    sides = [":--" if index < shown.text_columns else "--:" for index in range(len(shown.header))]
    lines = [shown.header, sides, *([_escaped(text) for text in row] for row in shown.rows)]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(filter(None, (f"## {shown.title}", shown.note, body)))


def _escaped(text: str) -> str:
    """A text that stays within its cell and is no markup."""
    text = " ".join(text.replace("\\", "\\\\").split())
    for sign in "|*_`<[#":
        text = text.replace(sign, f"\\{sign}")
    return text
