"""What the live page shows: parts of the report, each by a name, so that one alone can change."""

import shlex
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources

from sparsegan.report.curves import balance_section, quality_section, training_section
from sparsegan.report.format import count, percent, seconds
from sparsegan.report.markup import escape
from sparsegan.report.opening import tiles
from sparsegan.report.page import document
from sparsegan.report.pictures import pictures_section
from sparsegan.report.read import RunRecord, distinct
from sparsegan.report.tables import warnings_section

PARTS = ("status", "warnings", "samples", "quality", "balance", "training")
"""The parts from top to bottom."""

_SECTIONS = {
    "warnings": warnings_section,
    "samples": pictures_section,
    "quality": quality_section,
    "balance": balance_section,
    "training": training_section,
}

_CURVES = ("quality", "balance", "training")
"""Those that have nothing to show before the first step."""

POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""The page may ask the server that it is from, and nobody else."""

STANDINGS = {
    "training": "training",
    "finished": "finished",
    "stopped": "not being trained",
}
"""How a run stands, and the words for it."""


def parts(runs: Sequence[RunRecord], standing: Mapping[str, str]) -> dict[str, str]:
    """Every part as safe markup; those that have nothing to show are empty.

    Args:
        runs: What is read of the runs.
        standing: By a run's name how it stands, a key of `STANDINGS`.
    """
    begun = any(run.last_step for run in runs)
    drawn = {
        name: section(runs) if begun or name not in _CURVES else ""
        for name, section in _SECTIONS.items()
    }
    return {name: _status(runs, standing) if name == "status" else drawn[name] for name in PARTS}


def digest(markup: str) -> str:
    """What tells a part from what it was."""
    return sha256(markup.encode("utf-8", "replace")).hexdigest()[:16]


def page(runs: Sequence[RunRecord], drawn: Mapping[str, str]) -> str:
    """The whole page with its parts as they are now."""
    names = [run.name for run in distinct(runs)]
    title = names[0] if len(names) == 1 else f"{len(names)} runs"
    body = [
        f'<div class="part" id="{name}" data-digest="{digest(drawn[name])}">{drawn[name]}</div>'
        for name in PARTS
    ]
    foot = (
        '<footer><p class="note" id="link" role="status"></p>'
        '<p class="note"><a href="report">The whole report</a>, as it would be now.</p></footer>'
    )
    return document(
        f"{title} – sparsegan live",
        [*body, foot],
        several=len(runs) > 1,
        # An empty picture, so that no browser asks for one.
        head='<link rel="icon" href="data:image/png;base64,">\n'
        f"<style>\n{_packaged('live.css')}</style>\n",
        script=_packaged("live.js"),
        policy=POLICY,
    )


def _packaged(name: str) -> str:
    return resources.files("sparsegan.live").joinpath(name).read_text(encoding="utf-8")


def _status(runs: Sequence[RunRecord], standing: Mapping[str, str]) -> str:
    names = [run.name for run in distinct(runs)]
    title = names[0] if len(names) == 1 else f"{len(names)} runs side by side"
    alone = len(names) == 1
    bars = "".join(_progress(run, standing[run.name], not alone) for run in distinct(runs))
    figures = tiles(runs[0]) if len(runs) == 1 else ""
    return (
        f'<header><p class="brand">sparsegan live</p>\n<h1>{escape(title)}</h1>\n'
        f"{bars}{figures}</header>"
    )


def _progress(run: RunRecord, standing: str, named: bool) -> str:
    """How far a run is, as a bar and in words."""
    planned = run.planned_steps or 0
    share = min(run.last_step / planned, 1.0) if planned else 0.0
    said = [f"step {count(run.last_step)}" + (f" of {count(planned)}" if planned else "")]
    rate = next((x for _, x in reversed(run.curves["steps_per_second"]) if x), None)
    if standing == "training" and not run.last_step:
        said.append("the first come after the first samples are drawn and judged")
    if standing == "training" and rate:
        said.append(f"{rate:.1f} steps per second")
        left = (planned - run.last_step) / rate
        if left > 0:
            said.append(f"about {seconds(left)} left, evaluations aside")
    if standing == "stopped" and run.config_text:  # a Recorder's has no settings to go on with
        said.append(f"to go on: sparsegan resume {shlex.quote(str(run.path))}")
    if standing == "finished":
        said.append(f"its report is {run.path / 'report.html'}")
    name = f"{run.name}: " if named else ""
    return (
        f'<div class="progress"><p><b class="standing {standing}">{STANDINGS[standing]}</b> '
        f"{escape(name)}{escape(', '.join(said))}</p>"
        f'<div class="bar" role="progressbar" aria-label="{escape(run.name)}" aria-valuemin="0" '
        f'aria-valuemax="{planned}" aria-valuenow="{min(run.last_step, planned)}" '
        f'aria-valuetext="{percent(share)}"><i style="width:{100 * share:.2f}%"></i></div></div>'
    )
