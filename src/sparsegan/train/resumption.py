"""A stopped run about to go on: everything is read and checked first, and only then touched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparsegan import report
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_path, atomic_write_bytes, atomic_write_text
from sparsegan.record import events, repair
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog, line, readable_history
from sparsegan.record.run import RunDirectory
from sparsegan.settings import kinds, parse
from sparsegan.settings.config import Config, Tracker
from sparsegan.train import log, prolong, state
from sparsegan.train.games import Games

LOST = "a part of metrics.jsonl was lost: what the run did until this step is not complete"


@dataclass(frozen=True)
class Resumption:
    """A run and the checkpoint to go on from.

    Attributes:
        run: Its directory.
        config: Its settings, with the steps that it is to have.
        saved: The checkpoint's state.
        past: The lines of metrics.jsonl to go on after.
        repaired: Whether lines are missing there.
    """

    run: RunDirectory
    config: Config
    saved: Mapping[str, Any]
    past: bytes
    repaired: bool

    def touch(self, games: Games) -> None:
        """Forget what the run did after the checkpoint.

        Args:
            games: The run's games, restored.
        """
        run = self.run
        run.forget_after(self.saved["step"])
        rewrite(run, self.config)
        if self.repaired:
            self._repair(games)
        elif run.metrics.read_bytes() != self.past:
            atomic_write_bytes(run.metrics, self.past)

    def _repair(self, games: Games) -> None:
        lines = self.past.split(b"\n")
        begun = any((events.checked(each) or {}).get("kind") == "start" for each in lines)
        with atomic_path(self.run.metrics) as temporary, MetricsLog(temporary) as metrics:
            if not begun:
                log.start(Journal(metrics), games)
            metrics.extend(self.past)
            log.repair(Journal(metrics), games, LOST)


def read(
    run: RunDirectory,
    checkpoint: Path | str | int | None = None,
    *,
    steps: int | None = None,
    track: tuple[Tracker, ...] | None = None,
    repair_log: bool = False,
) -> Resumption:
    """Read what a run goes on from; nothing is written.

    Args:
        run: Its directory.
        checkpoint: As `RunDirectory.find_checkpoint` knows it.
        steps: How long the run is to be; None: as config.yaml says.
        track: What is to show it; None: as config.yaml says.
        repair_log: Go on with what can be read of metrics.jsonl.

    Raises:
        SparseganError: Something of it is damaged, or is of another run.
    """
    config = parse.read(run.config)
    track = config.track if track is None else track
    config = replace(config, steps=steps or config.steps, track=track)
    saved = run.load(checkpoint)
    state.require_parts(saved, kinds.of(config.network.name).game_names)
    had = replace(config, steps=saved["settings"]["steps"])
    state.require_settings(saved["settings"], had)
    if config.steps != had.steps:
        _require_length(run, had, config.steps, saved["step"])
    step, offset = saved["step"], saved["metrics_bytes"]
    evaluated = step not in (0, config.steps)
    past = repair.past(run.metrics, offset, step, repair=repair_log, evaluated=evaluated)
    whole = run.metrics.is_file() and run.metrics.read_bytes()[:offset] == past[:offset]
    return Resumption(run, config, saved, past, repaired=len(past) < offset or not whole)


def is_complete(run: RunDirectory) -> bool:
    """Whether nothing is missing of a run, the report included."""
    return (
        run.end_step() == parse.read(run.config).steps
        and run.report.is_file()
        and run.report.stat().st_mtime_ns >= run.metrics.stat().st_mtime_ns
    )


def complete(run: RunDirectory, *, repair_log: bool) -> None:
    """Write the report of a finished run anew, and leave out of its events what is none."""
    rest = repair.without_rubbish(run.metrics) if repair_log else None
    if rest is not None:
        last = max(event.step for event in readable_history(run.metrics))
        atomic_write_bytes(run.metrics, rest + line(events.Repair(step=last, message=LOST)))
    run.clear()
    report.write([run.path], run.report)


def has_begun(run: RunDirectory) -> bool:
    """Whether there is anything to go on from, or that would be lost if the run began anew."""
    steps = (event.step for event in readable_history(run.metrics))
    return bool(run.checkpoint_steps()) or any(steps)


def _require_length(run: RunDirectory, had: Config, steps: int, done: int) -> None:
    if steps < done:
        raise SparseganError(
            f"{run.path} has done {done} steps and cannot end after {steps}: choose more, or go on "
            "from an earlier checkpoint with --checkpoint STEP"
        )
    why = prolong.obstacle(had, steps, done)
    edited = parse.read(run.config).steps != had.steps
    back = f", or set steps in {run.config} back to {had.steps}" if edited else ""
    if why is not None:
        raise SparseganError(
            f"{run.path} has done {done} of its {had.steps} steps and cannot become a run of "
            f"{steps}: {why}; train a new run that begins with its weights and masks, `sparsegan "
            f"train --from {run.path} --steps {max(1, steps - done)}`{back}"
        )


def rewrite(run: RunDirectory, config: Config) -> None:
    """Bring the number of steps and the trackers in config.yaml up to date, not the notes in it.

    Args:
        run: Its directory.
        config: The settings that it goes on with.
    """
    path, before = run.config, parse.read(run.config)
    if (before.steps, before.track) == (config.steps, config.track):
        return
    text, count = re.subn(r"(?m)^steps:.*$", f"steps: {config.steps}", path.read_text(), count=1)
    text = re.sub(r"(?m)^track:.*\n(- .*\n)*", "", text)  # an older run's has none
    text = f"{text.rstrip()}\ntrack: [{', '.join(config.track)}]\n"
    atomic_write_text(path, text if count else parse.to_yaml(config))
