"""A study as one self-contained page: which one, at what price, and how sure that is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.report.markup import Cell, Raw, escape, fold, section, table
from sparsegan.report.page import document
from sparsegan.report.pictures import pictures_section
from sparsegan.report.read import RunRecord, read_run
from sparsegan.study.report import lines, prices, tables, unequal, words
from sparsegan.study.report.compare import Verdict
from sparsegan.study.report.groups import Group
from sparsegan.study.report.lines import COLORS, Curves
from sparsegan.study.report.tables import TextTable
from sparsegan.study.table import Table

_FEW_PICTURES = 8
"""More groups than these have the last grid alone."""
_MOST_PICTURES = 24


def html(study: Table, groups: Sequence[Group], verdict: Verdict, settings: str = "") -> str:
    """The page as text.

    Args:
        study: The study's table.
        groups: Its groups.
        verdict: What the numbers say.
        settings: The text of its file; may be empty.
    """
    curves = Curves.of(study, groups)
    metric = words.short_metric(tables.metric_of(study))
    parts = [
        _opening(study, groups, verdict, curves),
        section("Quality against price", _charts(prices.quality(curves, metric))),
        section("Curves", _charts(lines.quality(curves, metric))),
        section(
            "Balance",
            _charts([prices.balance(curves), *lines.balance(curves), *lines.densities(curves)]),
        ),
        _samples(study, groups),
        _section(tables.outcome(study, groups), curves),
        *(_section(each, curves) for each in tables.differences(groups, verdict.leader)),
        _section(tables.ranking(study, groups), curves),
        _section(tables.measures(study, groups), curves),
        _unequal(groups),
        _section(tables.cells(study), curves),
        _again(study, settings),
    ]
    return document(f"{study.name} – sparsegan study", parts)


def _opening(study: Table, groups: Sequence[Group], verdict: Verdict, curves: Curves) -> str:
    """What the page is for: the answer in words, and in a table of a few columns."""
    first, *rest = words.answer(verdict, groups, words.short_metric(tables.metric_of(study)))
    inequalities = unequal.sentences(groups)
    cautions = [words.progress(study), *inequalities[:1]]
    if len(inequalities) > 1:
        cautions.append("What else was not equal stands below.")
    said = "".join(f"<p>{escape(each)}</p>" for each in rest)
    caution = " ".join(each for each in cautions if each)
    shown = tables.outcome(study, groups, short=True)
    return f"""<header><p class="brand">sparsegan study</p>
<h1>{escape(study.name)}</h1>
<p class="intro about">{escape(study.about)}</p>
<div class="summary"><p><strong>{escape(first)}</strong></p>{said}</div>
<div class="answer">{_table(shown, curves)}</div>
<p class="note">{escape(shown.note)}</p>
{f'<p class="caution">{escape(caution)}</p>' if caution else ""}
</header>"""


def _charts(drawn: Sequence[str]) -> str:
    body = "\n".join(each for each in drawn if each)
    return f'<div class="charts">\n{body}\n</div>' if body else ""


def _section(shown: TextTable, curves: Curves) -> str:
    return section(shown.title, _table(shown, curves), intro=shown.note) if shown.rows else ""


def _table(shown: TextTable, curves: Curves) -> str:
    """A table whose groups have their colours, where the charts do."""
    colors = {group.name: curves.color(group) for group in curves.groups}
    if len(colors) > COLORS:
        colors = {}

    def cell(text: str) -> Cell:
        if text in colors:
            return Raw(f'<span class="key c{colors[text]}">{escape(text)}</span>')
        return text

    rows = [[cell(row[0]), *row[1:]] for row in shown.rows]
    return table(list(shown.header), rows, shown.text_columns)


def _samples(study: Table, groups: Sequence[Group]) -> str:
    """The grids of one seed of every group, the same where all have it."""
    of_each = [
        {
            row["seed"]: row
            for row in (group.finished or group.rows)
            if row["status"] != "changed"  # its grids are of other settings
        }
        for group in groups
    ]
    common = [seed for seed in study.seeds if all(seed in rows for rows in of_each)]
    records = []
    for group, rows in zip(groups[:_MOST_PICTURES], of_each, strict=False):
        if not rows:
            continue
        seed = common[0] if common else next(iter(rows))
        label = group.name if common else f"{group.name}, seed {seed}"
        records += list(_records(Path(rows[seed]["run"]), label))
    intro = f"Seed {common[0]}." if common else ""
    if len(groups) > _MOST_PICTURES:
        intro += f" The first {_MOST_PICTURES} of {len(groups)}."
    return pictures_section(records, intro.strip(), None if len(groups) <= _FEW_PICTURES else 1)


def _records(run: Path, label: str) -> Iterator[RunRecord]:
    try:
        yield from read_run(run, label)
    except SparseganError:
        return  # it has not begun


def _unequal(groups: Sequence[Group]) -> str:
    shown = tables.budgets(groups)
    said = "".join(f"<li>{escape(each)}</li>" for each in unequal.sentences(groups))
    listed = f'<ul class="cautions">{said}</ul>' if said else ""
    body = table(shown.header, shown.rows, shown.text_columns)
    title = "What was not equal" if said else "Budgets, which were equal"
    return section(title, listed, body, intro=shown.note)


def _again(study: Table, settings: str) -> str:
    """How to repeat it."""
    left = ""
    if study.left_out:
        left = f"<p>Kept, and no longer in the study: {escape(', '.join(study.left_out))}.</p>"
    file = fold("The study's file", f"<pre>{escape(settings.strip())}</pre>") if settings else ""
    return section("To repeat it", f"<pre>{escape(study.command)}</pre>", left, file)
