"""The top of a report: what was run and what came of it, in words and in key figures."""

from collections.abc import Sequence
from pathlib import Path

from sparsegan.record.events import Evaluation
from sparsegan.record.primary import primary
from sparsegan.report import control
from sparsegan.report.format import UNKNOWN, count, distance, figure, percent, seconds, size
from sparsegan.report.markup import escape, section, table
from sparsegan.report.read import RunRecord, distinct

_MEANS = {
    "value": "mean at 90, 95 and 100 %",
    "frechet": "Fréchet distance (mean)",
    "fid": "FID (mean)",
    "precision": "precision (mean)",
    "recall": "recall (mean)",
    "density": "density (mean)",
    "coverage": "coverage (mean)",
    "classes_seen": "share of classes seen (mean)",
    "class_entropy": "evenness of classes (mean)",
}
"""The rows of what evaluations at 90, 95 and 100 % have in the mean, where they have it."""


def opening(runs: Sequence[RunRecord]) -> str:
    """Title, summary and key figures of one game, or sentences on several side by side."""
    if len(runs) == 1:
        run = runs[0]
        title, body = run.label, f'<p class="summary">{_summary(run)}</p>{tiles(run)}'
    else:
        names = [run.name for run in distinct(runs)]
        title = names[0] if len(names) == 1 else f"{len(names)} runs side by side"
        sentences = "".join(f"<p>{_summary(run)}</p>" for run in runs)
        body = f'<div class="summary">{sentences}</div>'
    return (
        f'<header><p class="brand">sparsegan report</p>\n<h1>{escape(title)}</h1>\n{body}</header>'
    )


def comparison_section(runs: Sequence[RunRecord]) -> str:
    """A table with a column for each run; nothing for a single run."""
    if len(runs) < 2:
        return ""
    longest = max((run_seconds(run) or 0.0 for run in runs), default=0.0)
    largest = max((run.cost_of("bytes", "generator_sparse") or 0.0 for run in runs), default=0.0)
    columns = [_compared(run, longest, largest) for run in runs]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    rows = [row for row in rows if row[0] not in _MEANS.values() or set(row[1:]) != {UNKNOWN}]
    intro = ""
    if len(metrics := {column["metric"] for column in columns}) == 1:
        intro = f"Distances are {metrics.pop()}."
        rows = [row for row in rows if row[0] != "metric"]
    return section("Comparison", table(["", *(run.label for run in runs)], rows), intro=intro)


def _compared(run: RunRecord, longest: float, largest: float) -> dict[str, str]:
    """The rows of a run's column, durations and sizes in the units of the largest."""
    first, last = _ends(run)
    return {
        "method": run.method or UNKNOWN,
        "steps": count(run.last_step) + ("" if run.finished else ", unfinished"),
        "generator density": _moved(run, "generator"),
        "discriminator density": _moved(run, "discriminator"),
        "metric": last.metric if last else UNKNOWN,
        "first value": figure(first.value if first else None),
        "last value": figure(last.value if last else None),
        "its interval": _interval(last, " – ") or UNKNOWN,
        "real against real": distance(last.floor if last else None),
        **{name: figure(primary_of(run).get(field)) for field, name in _MEANS.items()},
        "balance ratio, last": figure(last_ratio(run)),
        "FLOPs of dense, published": percent(flops_share(run, "published")),
        "FLOPs of dense, consistent": percent(flops_share(run, "consistent")),
        "training time": seconds(run_seconds(run), longest),
        "seconds of dense": percent(seconds_share(run)),
        "generator file": size(run.cost_of("bytes", "generator_sparse"), largest),
    }


def primary_of(run: RunRecord) -> dict[str, float]:
    """The means of the evaluations at 90, 95 and 100 % of the steps that were planned."""
    if run.planned_steps is None:
        return {}
    return next(iter(primary([*run.evaluations, *run.rewindings], run.planned_steps).values()), {})


def flops_share(run: RunRecord, convention: str) -> float | None:
    """Training operations of the run as a share of the dense run's."""
    spent, dense = (run.cost_of("flops", convention, who) for who in ("run", "dense"))
    return spent / dense if spent is not None and dense else None


def run_seconds(run: RunRecord) -> float | None:
    """Measured training seconds: as cost.json says, else as the run last logged."""
    measured = run.cost_of("seconds", "run")
    return run.seconds if measured is None else measured


def seconds_share(run: RunRecord) -> float | None:
    """Measured seconds as a share of the dense run's: of the whole run, else of one step."""
    for own, dense in (("run", "dense"), ("per_step", "dense_per_step")):
        spent, reference = run.cost_of("seconds", own), run.cost_of("seconds", dense)
        if spent is not None and reference:
            return spent / reference
    return None


def _ends(run: RunRecord) -> tuple[Evaluation | None, Evaluation | None]:
    """The first and the last evaluation with a value, both of the metric evaluated last."""
    known = [row for row in run.evaluations if row.value is not None]
    if not known:
        return None, None
    same = [row for row in known if row.metric == known[-1].metric]
    return same[0], same[-1]


def _density_ends(run: RunRecord, network: str) -> tuple[float | None, float | None]:
    known = [value for _, value in run.density(network) if value is not None]
    return (known[0], known[-1]) if known else (None, None)


def _moved(run: RunRecord, network: str) -> str:
    before, after = (percent(value) for value in _density_ends(run, network))
    return after if before == after else f"{before} → {after}"


def last_ratio(run: RunRecord) -> float | None:
    """What the window of the balance ratio said last, where it has said anything."""
    known = [value for _, value in run.curves["balance_ratio"] if value is not None]
    return known[-1] if known else None


def _summary(run: RunRecord) -> str:
    """Sentences on what was run, the densities, the quality and the cost; safe markup."""
    parts = [
        _progress(run),
        _density_sentence(run),
        escape(control.sentence(run)),
        _quality_sentence(run),
        _cost_sentence(run),
    ]
    return " ".join(part for part in parts if part)


def _strong(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"


def _progress(run: RunRecord) -> str:
    planned, done = run.planned_steps, count(run.last_step)
    source = run.config.get("data.source") or run.config.get("data.name") or run.config.get("data")
    path = run.config.get("data.path")
    if source == "folder" and isinstance(path, str):
        source = f"the folder {Path(path).name}"
    subject = _strong(run.label) + (f" trains {escape(run.method)}" if run.method else " trains")
    if isinstance(source, str):
        subject += f" on {escape(source)}"
    if run.finished:
        return f"{subject} and finished after {done} steps."
    of_planned = f" of {count(planned)}" if planned else ""
    return f"{subject} and has logged {done}{of_planned} steps; it has not finished."


def _density_sentence(run: RunRecord) -> str:
    first, generator = _density_ends(run, "generator")
    before, after = _density_ends(run, "discriminator")
    if generator is None or after is None:
        return ""
    kept = f"keeps {_strong(percent(generator))}"
    if percent(first) != percent(generator):
        kept = f"went from {percent(first)} to {_strong(percent(generator))}"
    sentence = f"The generator {kept} of its maskable weights; the discriminator "
    own = [row.action for row in run.decisions if row.lever == "density"]
    raises, lowers = own.count("raise"), own.count("lower")
    if percent(before) == percent(after) and not raises + lowers:
        return f"{sentence}keeps {_strong(percent(after))}."
    moves = ""
    if raises + lowers:
        moves = f" in {_times(raises, 'raise')} and {_times(lowers, 'lowering')}"
    return f"{sentence}went from {percent(before)} to {_strong(percent(after))}{moves}."


def _times(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _quality_sentence(run: RunRecord) -> str:
    first, last = _ends(run)
    if first is None or last is None:
        return "It has not been evaluated."
    between = _interval(last, " to ")
    interval = f" (interval {between})" if between else ""
    floor = "" if last.floor is None else f"; real against real is {distance(last.floor)}"
    value = primary_of(run).get("value")
    mean = "" if value is None else f"; its mean at 90, 95 and 100 % is {figure(value)}"
    if first is last:
        sentence = f"is {_strong(figure(last.value))} at step {count(last.step)}"
    else:
        sentence = (
            f"went from {figure(first.value)} at step {count(first.step)} "
            f"to {_strong(figure(last.value))} at step {count(last.step)}"
        )
    return f"Its {escape(last.metric)} {sentence}{interval}{mean}{floor}."


def _interval(row: Evaluation | None, between: str) -> str:
    if row is None or row.low is None or row.high is None:
        return ""
    return f"{figure(row.low)}{between}{figure(row.high)}"


def _cost_sentence(run: RunRecord) -> str:
    published, consistent = flops_share(run, "published"), flops_share(run, "consistent")
    measured = seconds_share(run)
    parts = []
    if published is not None:
        parts.append(f"{_strong(percent(published))} of the dense FLOPs as published papers count")
    if consistent is not None:
        parts.append(f"{percent(consistent)} counted consistently")
    if measured is not None:
        parts.append(f"{_strong(percent(measured))} of the dense seconds as measured")
    return f"Training costs {', '.join(parts)}." if parts else ""


def tiles(run: RunRecord) -> str:
    """The key figures of one game."""
    first, last = _ends(run)
    value = figure(last.value) if last else UNKNOWN
    came_from = f"from {figure(first.value)}" if first and first is not last else ""
    floor = f"floor {distance(last.floor)}" if last and last.floor is not None else ""
    g_before, g_after = _density_ends(run, "generator")
    d_before, d_after = _density_ends(run, "discriminator")
    figures = [
        (last.metric if last else "KID", value, ", ".join(filter(None, (came_from, floor)))),
        ("generator density", percent(g_after), _was(g_before, g_after)),
        ("discriminator density", percent(d_after), _was(d_before, d_after)),
        ("balance ratio", figure(last_ratio(run)), _band(run)),
        ("FLOPs of dense", percent(flops_share(run, "published")), _consistently(run)),
        ("training time", seconds(run_seconds(run)), _of_dense(run)),
    ]
    drawn = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(sentence)}<small>{escape(more)}</small></dd></div>"
        for name, sentence, more in figures
    )
    return f'<dl class="tiles">{drawn}</dl>'


def _was(before: float | None, after: float | None) -> str:
    return "" if percent(before) == percent(after) else f"from {percent(before)}"


def _band(run: RunRecord) -> str:
    if run.band is None or control.signal(run) != "ratio":
        return ""
    return f"band {run.band[0]:g} to {run.band[1]:g}"


def _consistently(run: RunRecord) -> str:
    share = flops_share(run, "consistent")
    return "" if share is None else f"{percent(share)} consistently"


def _of_dense(run: RunRecord) -> str:
    share = seconds_share(run)
    return "" if share is None else f"{percent(share)} of dense"
