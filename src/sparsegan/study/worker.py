"""One cell, from where it stands to its end, in this process: what every executor has done."""

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from sparsegan.errors import SparseganError
from sparsegan.files import writing
from sparsegan.locks import FileLock, no_locks
from sparsegan.record import evaluations
from sparsegan.record.events import Evaluation, Event
from sparsegan.record.metrics_log import readable_history
from sparsegan.record.run import HeldError, hold
from sparsegan.settings import trust
from sparsegan.settings.config import Config, RunConfig
from sparsegan.study import standing
from sparsegan.study.cells import Cell
from sparsegan.study.file import Study
from sparsegan.study.paths import CellPaths
from sparsegan.study.standing import Record, Standing
from sparsegan.train import loop
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.launch import process_rank
from sparsegan.train.learner import DivergedError
from sparsegan.train.state import ConditionsError
from sparsegan.train.stop import Interrupted

log = logging.getLogger("sparsegan")

AGAIN = 75
"""Exit code of a worker whose cell is to be begun anew, by new processes."""
BUSY = 76
"""Exit code of a worker whose cell another process works on."""

_PATIENCE = 2.0  # seconds; whoever looks whether a lock is held has it for an instant


class AgainError(SparseganError):
    """The run was put aside, and its processes have to be started anew."""

    exit_code = AGAIN


class BusyError(SparseganError):
    """Another process works on the cell."""

    exit_code = BUSY


def work(
    study: Study, cell: Cell, console: Console | None = None, *, trust_code: bool = False
) -> Standing:
    """Bring a cell to its end, and write down how that came out.

    A cell that is finished or has diverged is left as it is. Every process of a cell on several
    calls this; the first decides and writes.

    Args:
        study: The study.
        cell: One of its cells.
        console: Where to show progress; None for silence.
        trust_code: Whether code that the settings name may be run (see `trust`).

    Returns:
        How it stands then: finished, diverged or failed.

    Raises:
        BusyError: Another process works on it.
        AgainError: It is to begin anew, and needs new processes for that.
        Interrupted: After Ctrl-C or SIGTERM, when the state is saved.
    """
    paths = CellPaths(study.directory, cell.name)
    config = replace(cell.config, run=RunConfig(directory=str(paths.run.path)))
    trust.require(config, study.origin, trust_code=trust_code)
    notes = [f"{cell.name} of the study {study.name}"]

    def go_on(anew: bool = False) -> None:
        if anew or paths.run.is_vacant():
            loop.train(config, console, notes=notes)
        else:
            loop.resume(paths.run.path, console, trust_code=trust_code)

    if process_rank() > 0:  # what the first puts aside may still be there
        go_on(standing.at_rest(paths, cell).status == "changed")
        return standing.at_rest(paths, cell)
    lock = _lock(paths)
    try:
        return _work(paths, cell, go_on)
    except HeldError as error:  # by somebody who resumes the run itself
        raise BusyError(str(error)) from None
    finally:
        lock.release()


def _work(paths: CellPaths, cell: Cell, go_on: Callable[[], None]) -> Standing:
    before = standing.at_rest(paths, cell)
    if before.status in ("finished", "diverged"):
        return before
    record = _begun(paths, cell, standing.read(paths) or Record())
    if before.status == "changed":
        record = put_aside(paths, record, f"other settings: {before.reason}")
    standing.write(paths, record)
    try:
        try:
            go_on()
        except ConditionsError as error:
            # Written first: a kill in between must not have it begin anew without a word.
            aside = paths.free_aside()
            record = _noted(paths, record, error.reason, aside)
            standing.write(paths, record)
            _move(paths, aside)
            if not _is_alone(cell.config):
                raise AgainError(f"{cell.name} begins anew: {error.reason}") from None
            go_on()
        record = replace(record, status="finished", reason="")
        if _is_alone(cell.config):  # the other processes of a run have ended with it
            record = replace(record, best_fresh=_best_fresh(paths))
    except DivergedError as error:
        record = replace(record, status="diverged", reason=str(error))
    except (Interrupted, AgainError, HeldError):
        raise
    except SparseganError as error:
        record = replace(record, status="failed", reason=str(error))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        standing.write(paths, replace(record, status="failed", reason=reason))
        raise
    standing.write(paths, record)
    return standing.at_rest(paths, cell)


def _begun(paths: CellPaths, cell: Cell, record: Record) -> Record:
    return replace(
        record,
        status="begun",
        reason="",
        attempts=record.attempts + 1,
        settings=standing.settings(cell.config),
    )


def put_aside(paths: CellPaths, record: Record, why: str) -> Record:
    """Move a cell's run to where it is kept and in nobody's way; the record with the reason."""
    aside = paths.free_aside()
    record = _noted(paths, record, why, aside)
    _move(paths, aside)
    return record


def _noted(paths: CellPaths, record: Record, why: str, aside: Path) -> Record:
    """The record with why the cell begins anew, and where its run is going to be."""
    if paths.run.path.exists():
        why = f"{why} (the earlier run is {aside.relative_to(paths.study)})"
    return replace(record, anew=(*record.anew, why), best_fresh=None)


def _move(paths: CellPaths, aside: Path) -> None:
    run = paths.run
    if run.path.exists():
        hold(run).release()  # nobody else trains it
        with writing(aside):
            aside.parent.mkdir(parents=True, exist_ok=True)
            run.path.rename(aside)


def _best_fresh(paths: CellPaths) -> float | None:
    """The best evaluation's state, evaluated again: that it is the best is luck in part.

    None of image to image runs, whose images are those of the data, and where it cannot be done.
    """
    run = paths.run
    step = run.best_step()
    trained = [each for each in readable_history(run.metrics, Evaluation) if each.step == step]
    for kept in evaluations.read(run.path):
        if kept.fresh and any(_alike(kept, other) for other in trained):
            return kept.value
    try:
        (fresh, *_) = evaluate_run(
            run.path, checkpoint="best", fresh=True, keep=True, trust_code=True
        )
    except SparseganError:
        return None
    return fresh.value


def _alike(one: Event, other: Event) -> bool:
    """Whether two evaluations are of one state and differ in their images alone."""
    names = ("step", "game", "metric", "n", "generated", "bn", "weights")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def note_failure(paths: CellPaths, cell: Cell, reason: str) -> None:
    """Write down that a cell's process has ended without a word, unless it is worked on again."""
    try:
        lock = _lock(paths)
    except (BusyError, OSError):  # a full disk, say, of which it may have died
        return
    try:
        if standing.at_rest(paths, cell).status in ("waiting", "stopped"):
            record = standing.read(paths) or _begun(paths, cell, Record())
            with contextlib.suppress(OSError):
                standing.write(paths, replace(record, status="failed", reason=reason))
    finally:
        lock.release()


def _lock(paths: CellPaths) -> FileLock:
    folder = paths.lock.parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(paths.lock)
    try:
        if not lock.acquire():
            for _ in lock.wait(_PATIENCE):
                pass
    except OSError as error:
        if not no_locks(error):
            raise
        log.warning("no locks in %s: see that no second process works on this study", folder)
        return lock
    if not lock.held:
        raise BusyError(f"another process works on {paths.name}")
    return lock


def _is_alone(config: Config) -> bool:
    """Whether this process is the only one of its run."""
    return config.fabric.devices == 1 and "TORCHELASTIC_RUN_ID" not in os.environ


def ended_by(exit_code: int) -> int:
    """The signal that has ended a worker; 0: none."""
    return -exit_code if exit_code < 0 else max(0, exit_code - 128)


def reason_of(exit_code: int, output: Path) -> str:
    """Why a worker has ended that has not said so itself: its signal, or its last line."""
    if number := ended_by(exit_code):
        return f"its process was ended by signal {number} (see {output})"
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    last = lines[-1].removeprefix("sparsegan: error: ") if lines else "it said nothing"
    return f"its process ended with exit code {exit_code}: {last}"
