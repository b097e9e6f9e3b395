"""How a cell stands: what its run's directory says, and what was written down beside it."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text
from sparsegan.locks import is_held
from sparsegan.settings import parse
from sparsegan.settings.config import Config
from sparsegan.study.cells import Cell
from sparsegan.study.paths import CellPaths

Status = Literal["waiting", "running", "stopped", "finished", "diverged", "failed", "changed"]
"""Not begun; worked on by a process now; begun, and to go on; at its end; ended by losses that are
not finite; ended by an error; begun with other settings than the study has now."""

_OF_NO_CONSEQUENCE = ("run.", "checkpoint.", "sample.", "log_every", "track", "fabric.timeout")


@dataclass(frozen=True)
class Record:
    """What is written down of a cell beside its run.

    Attributes:
        status: `begun`, or how it ended: `finished`, `diverged` or `failed`.
        reason: Why it ended so; empty where it went well.
        attempts: How often a process has begun to work on it.
        anew: Why it began anew, a sentence each time.
        settings: Those that it was begun with, by dotted key.
        best_fresh: The best evaluation's checkpoint evaluated again, on other images; None where it
            was not.
    """

    status: str = "begun"
    reason: str = ""
    attempts: int = 0
    anew: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    best_fresh: float | None = None


@dataclass(frozen=True)
class Standing:
    """How a cell stands.

    Attributes:
        status: See `Status`.
        reason: Of `diverged`, `failed` and `changed`; empty else.
        attempts: How often a process has begun to work on it.
        anew: Why it began anew, a sentence each time.
        best_fresh: The best evaluation's checkpoint evaluated again, on other images.
    """

    status: Status
    reason: str
    attempts: int
    anew: tuple[str, ...]
    best_fresh: float | None = None


def read(paths: CellPaths) -> Record | None:
    """A cell's record; None where there is none that can be read."""
    try:
        content = json.loads(paths.record.read_text(encoding="utf-8"))
        known = {each.name for each in fields(Record)}
        record = Record(**{key: value for key, value in content.items() if key in known})
        return replace(record, attempts=int(record.attempts), anew=tuple(record.anew))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def write(paths: CellPaths, record: Record) -> None:
    """Write a cell's record, whole or not at all."""
    atomic_write_text(paths.record, json.dumps(asdict(record), indent=1) + "\n")


def standing(paths: CellPaths, cell: Cell) -> Standing:
    """How a cell stands now; reading it changes nothing."""
    if not is_held(paths.lock):
        return at_rest(paths, cell)
    record = read(paths) or Record()
    return Standing("running", "", record.attempts, record.anew)


def at_rest(paths: CellPaths, cell: Cell) -> Standing:
    """How a cell stands for the process that has locked it."""
    record = read(paths)
    status, reason = _status(paths, cell, record)
    known = record or Record()
    return Standing(status, reason, known.attempts, known.anew, known.best_fresh)


def _status(paths: CellPaths, cell: Cell, record: Record | None) -> tuple[Status, str]:
    run = paths.run
    if record is None and run.is_vacant():
        return "waiting", ""
    changes = differences(paths, cell, record)
    if changes:
        return "changed", changes
    if run.end_step() == cell.config.steps and run.report.is_file():
        return "finished", ""
    if record is not None and record.status in ("diverged", "failed"):
        return ("diverged" if record.status == "diverged" else "failed"), record.reason
    return ("stopped" if run.checkpoint_steps() else "waiting"), ""


def settings(config: Config) -> dict[str, Any]:
    """The settings that make a cell what it is, by dotted key."""
    values = parse.flat(config)
    return {key: value for key, value in values.items() if not key.startswith(_OF_NO_CONSEQUENCE)}


def differences(paths: CellPaths, cell: Cell, record: Record | None) -> str:
    """The settings that a cell's run was begun with and the study no longer has; may be empty."""
    now = settings(cell.config)
    before = dict(record.settings) if record is not None else {}
    if not before:
        try:
            begun = settings(parse.read(paths.run.config))
        except SparseganError:
            return ""  # which is said where the run is gone on with
        # What data or machine have filled in was left open.
        before = {key: value for key, value in begun.items() if now.get(key) is not None}
        now = {key: value for key, value in now.items() if value is not None}
    elif before.keys() != now.keys():
        # A setting that is newer than the run was at its default.
        name = ["--method.name", str(before.get("method.name", cell.config.method.name))]
        before = settings(parse.parse([], name)) | before
    odd = [
        f"{key} {before.get(key)} -> {now.get(key)}"
        for key in now.keys() | before.keys()
        if before.get(key) != now.get(key)
    ]
    return ", ".join(sorted(odd))
