"""The tables of a report: decisions, cost, warnings, configuration, versions."""

import re
from collections.abc import Iterator, Sequence

from sparsegan.record.events import NETWORKS, Decision, Evaluation, Rewinding
from sparsegan.report import control
from sparsegan.report.format import UNKNOWN, count, figure, operations, percent, seconds, size
from sparsegan.report.markup import Cell, Raw, escape, fold, section, table
from sparsegan.report.opening import flops_share, run_seconds
from sparsegan.report.read import RunRecord, distinct

MOST_ROWS = 200
"""Of a table that grows with a run."""


def few(rows: Sequence[Sequence[Cell]], limit: int = MOST_ROWS) -> list[Sequence[Cell]]:
    """The rows, or the first and the last of very many with one between that counts the others."""
    if len(rows) <= limit:
        return list(rows)
    half = limit // 2
    left_out = f"… {len(rows) - 2 * half:,} more are in metrics.jsonl"
    return [*rows[:half], [left_out, *[""] * (len(rows[0]) - 1)], *rows[-half:]]


def decisions_section(runs: Sequence[RunRecord]) -> str:
    """What the controller decided and why; runs of holds of one lever where it is are one row."""
    tables = []
    for run in runs:
        seen, lever = control.signal(run), next((r.lever for r in run.decisions), "density")
        header = (
            "step",
            "decision",
            "reason",
            control.signal_name(seen),
            control.lever_name(lever),
        )
        rows = [_decision(group, seen) for group in collapse(run.decisions)]
        tables.append((run, table(header, few(rows), 3)))
    return section("Decisions of the controller", *_per_run(tables))


def collapse(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """Consecutive holds with one reason and nothing moved in one group; every other decision alone.

    Reasons are the same when they differ in figures only.
    """
    groups: list[list[Decision]] = []
    for row in decisions:
        if groups and row.action == "hold" and _kind(groups[-1][-1]) == _kind(row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _kind(row: Decision) -> tuple[str, str, float | None]:
    return row.action, re.sub(r"\d+", "", row.reason), row.after


def _decision(group: Sequence[Decision], seen: str) -> list[Cell]:
    first, last = group[0], group[-1]
    steps = count(first.step) if len(group) == 1 else f"{count(first.step)} – {count(last.step)}"
    action = first.action if len(group) == 1 else f"{first.action} × {len(group)}"
    values = (control.looked_at(row, seen) for row in group)
    ratios = [value for value in values if value is not None]
    ratio = figure(min(ratios, default=None))
    if ratios and figure(max(ratios)) != ratio:
        ratio = f"{ratio} – {figure(max(ratios))}"
    moved = control.amount(last, last.after)
    if first.before is not None and first.before != last.after:
        moved = f"{control.amount(first, first.before)} → {moved}"
    badge = Raw(f'<span class="badge {escape(first.action)}">{escape(action)}</span>')
    reason = last.reason if len({row.reason for row in group}) == 1 else f"{last.reason} (last)"
    return [steps, badge, reason, ratio, moved]


def _per_run(tables: Sequence[tuple[RunRecord, str]]) -> list[str]:
    filled = [(run, body) for run, body in tables if body]
    if len(tables) == 1:
        return [body for _, body in filled]
    return [fold(run.label, body) for run, body in filled]


def evaluations_section(runs: Sequence[RunRecord]) -> str:
    """What `sparsegan evaluate` has added to runs that were trained already."""
    header = ("step", "metric", "value", "interval", "real against real", "images", "of", "kind")
    tables = [
        (run, table(header, few([_evaluation(row) for row in run.afterwards]), 2)) for run in runs
    ]
    intro = "Checkpoints that were evaluated again; fresh images are others than while training."
    return section("Evaluated afterwards", *_per_run(tables), intro=intro)


def _evaluation(row: Evaluation) -> list[Cell]:
    interval = f"{figure(row.low)} – {figure(row.high)}"
    beside = "" if row.generated is None else f", {count(row.generated)} generated"
    return [
        count(row.step),
        row.metric,
        figure(row.value),
        interval,
        figure(row.floor),
        f"{count(row.n)}{beside}{', fresh' if row.fresh else ''}",
        f"{row.weights} weights",
        f"{row.bn} statistics",
    ]


def trainings_section(runs: Sequence[RunRecord]) -> str:
    """The trainings of runs that begin anew on their way, and with how many weights."""
    header = ("from step", "begins with", "generator", "discriminator")
    tables = [
        (run, table(header, few([_training(run, row) for row in run.rewindings]), 2))
        for run in runs
    ]
    intro = "Shares of the maskable weights that are left by then."
    return section("Trainings that begin anew", *_per_run(tables), intro=intro)


def _training(run: RunRecord, row: Rewinding) -> list[Cell]:
    left = [
        percent(next((v for s, v in reversed(run.density(network)) if s <= row.step), None))
        for network in NETWORKS
    ]
    return [count(row.step), _beginning(row), *left]


def _beginning(row: Rewinding) -> str:
    if row.to is None:
        return f"{row.weights} weights"
    where = f"step {count(row.to)}" if row.to else "the start"
    return f"weights of {where}" + (", shuffled" if row.weights == "drawn" else "")


def cost_section(runs: Sequence[RunRecord]) -> str:
    """Weights, operations in both conventions, measured seconds and bytes, beside the dense run."""
    tables = [
        (run, table(("", "this run", "dense", "share"), rows) + _cost_note(run))
        for run in runs
        if (rows := list(_cost_rows(run)))
    ]
    bodies = [
        body if len(runs) == 1 else f"<h3>{escape(run.label)}</h3>{body}" for run, body in tables
    ]
    intro = (
        "One multiply-add counts as one operation. The published convention weighs the "
        "discriminator's steps as the published code does; the consistent one counts every "
        "forward and backward pass once. Seconds are measured."
    )
    joined = "".join(f"<div>{body}</div>" for body in bodies)
    return section("Cost", f'<div class="costs">{joined}</div>' if joined else "", intro=intro)


def _cost_rows(run: RunRecord) -> Iterator[list[str]]:
    for network in ("generator", "discriminator"):
        total = run.cost_of("weights", network, "total")
        for when in ("start", "end"):
            active = run.cost_of("weights", network, f"active_{when}")
            if active is not None:
                yield [
                    f"{network} weights, {when}",
                    count(active),
                    count(total),
                    percent(active / total if total else None),
                ]
    for convention in ("published", "consistent"):
        spent, dense = (run.cost_of("flops", convention, who) for who in ("run", "dense"))
        if spent is not None or dense is not None:
            share = percent(flops_share(run, convention))
            yield [
                f"training FLOPs, {convention}",
                operations(spent, dense),
                operations(dense),
                share,
            ]
    for kind, name in (("growth", "gradients to grow by"), ("balance", "the balance ratio")):
        beside, dense = run.cost_of("overhead", kind), run.cost_of("flops", "consistent", "dense")
        if beside:
            share = percent(beside / dense if dense else None)
            yield [f"and FLOPs for {name}", operations(beside, dense), UNKNOWN, share]
    yield from _seconds_rows(run)
    sparse, dense = (run.cost_of("bytes", f"generator_{kind}") for kind in ("sparse", "dense"))
    if sparse is not None or dense is not None:
        share = percent(sparse / dense if sparse is not None and dense else None)
        yield ["generator file", size(sparse, dense), size(dense), share]


def _seconds_rows(run: RunRecord) -> Iterator[list[str]]:
    whole, dense = run_seconds(run), run.cost_of("seconds", "dense")
    if whole is not None:
        share = percent(whole / dense) if dense else UNKNOWN
        yield ["training time, measured", seconds(whole, dense), seconds(dense, dense), share]
    step, dense_step = (
        run.cost_of("seconds", "per_step"),
        run.cost_of("seconds", "dense_per_step"),
    )
    if step is not None:
        share = percent(step / dense_step if dense_step else None)
        yield [
            "one step, measured",
            seconds(step, dense_step),
            seconds(dense_step, dense_step),
            share,
        ]


def _cost_note(run: RunRecord) -> str:
    measured = run.cost.get("seconds")
    note = measured.get("note") if isinstance(measured, dict) else None
    return f'<p class="note">{escape(note)}</p>' if note else ""


def warnings_section(runs: Sequence[RunRecord]) -> str:
    """The warnings of the runs, and how many lines could not be read."""
    rows: list[list[str]] = []
    for run in runs:
        rows += [[run.label, count(step), message] for step, message in run.warnings]
        if run.unreadable:
            message = f"{run.unreadable:,} lines of metrics.jsonl could not be read"
            rows.append([run.label, UNKNOWN, message])
    header = ["run", "step", "warning"]
    if len(runs) == 1:
        header, rows = header[1:], [row[1:] for row in rows]
    return section("Warnings", table(header, few(rows), len(header)))


def configuration_section(runs: Sequence[RunRecord]) -> str:
    """The settings in which the runs differ, and every run's whole configuration."""
    runs = distinct(runs)
    differing = "" if len(runs) == 1 else _differences(runs)
    texts = [
        fold(
            "Full configuration" if len(runs) == 1 else run.name,
            f'<pre tabindex="0">{content}</pre>',
        )
        for run in runs
        if (content := escape(run.config_text.strip()))
    ]
    return section("Configuration", differing, *texts)


def _differences(runs: Sequence[RunRecord]) -> str:
    names = dict.fromkeys(name for run in runs for name in run.config)
    rows = []
    for name in names:
        values = [str(run.config.get(name, UNKNOWN)) for run in runs]
        if len(set(values)) > 1:
            rows.append([name, *values])
    return table(["setting", *(run.name for run in runs)], rows, len(runs) + 1)


def machine_section(runs: Sequence[RunRecord]) -> str:
    """Versions and machine of every run."""
    runs = distinct(runs)
    rows: dict[str, list[str]] = {}
    for index, run in enumerate(runs):
        for name, value in _machine(run).items():
            rows.setdefault(name, [UNKNOWN] * len(runs))[index] = value
    header = ["", *(run.name for run in runs)] if len(runs) > 1 else ["", "value"]
    body = table(header, [[name, *values] for name, values in rows.items()], len(runs) + 1)
    return section("Versions and machine", body)


def _machine(run: RunRecord) -> dict[str, str]:
    facts = {} if run.start is None else {**run.start.versions, **run.start.machine}
    return {name: str(fact) for name, fact in facts.items()}
