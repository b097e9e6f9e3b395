"""A study from where it stands to its end: which cell is worked on when."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sparsegan import machine
from sparsegan.settings.config import Config
from sparsegan.study import standing, worker
from sparsegan.study.cells import Cell
from sparsegan.study.executors.base import Executor, Job, Task
from sparsegan.study.file import Study
from sparsegan.study.paths import CellPaths
from sparsegan.study.progress import Follower, Progress
from sparsegan.study.standing import Standing, Status

Show = Callable[[Sequence[Progress]], None]
Say = Callable[[str], None]

_TICK = 0.2
_LOOK = 5.0
"""Seconds between looks at cells that other processes may work on."""
_STARTS = 3
"""How often a cell may ask to begin anew, or be killed, before it counts as failed."""

_AT_REST = ("waiting", "stopped", "changed")


def cores(config: Config) -> int:
    """Processor cores that a cell keeps busy."""
    return config.fabric.devices * (config.threads or machine.usable_processors())


class Runner:
    """Hands cells to an executor until each has come to an end.

    Cells that have failed before are tried once more; one that fails now is not, nor is one that
    has diverged: it would do so again. One whose process was killed goes on, a few times. What
    other processes work on is waited for, and taken over where they go away.

    Args:
        study: What to run; its copy has been written.
        executor: Where.
        trust_code: Whether code that the settings name may be run.
    """

    def __init__(self, study: Study, executor: Executor, *, trust_code: bool = False) -> None:
        self.study, self.executor, self.trust_code = study, executor, trust_code
        self._paths = {cell.name: CellPaths(study.directory, cell.name) for cell in study.cells}
        self._followers = {
            cell.name: Follower(self._paths[cell.name], cell) for cell in study.cells
        }
        self._standings = {cell.name: self._look(cell) for cell in study.cells}
        self._retries = {name for name, at in self._standings.items() if at.status == "failed"}
        self._progress: dict[str, Progress] = {}
        self._jobs: dict[str, Job] = {}
        self._starts: dict[str, int] = {}
        self._failures: dict[str, str] = {}
        self._not_before: dict[str, float] = {}
        self._looked = time.monotonic()
        self._signals: list[int] = []

    def progress(self) -> list[Progress]:
        """Every cell as it stands."""
        return [self._progress_of(cell.name) for cell in self.study.cells]

    def run(self, show: Show = lambda _: None, say: Say = lambda _: None) -> int:
        """Work until there is nothing left to do.

        Args:
            show: Is handed every cell, several times a second.
            say: Is told what is worth a line besides.

        Returns:
            0, or the number of the signal that has asked for a stop; all has been saved then.
        """
        with self._listening(), self.executor:
            while not self._signals:
                self._collect()
                self._watch_others()
                self._hand_in()
                show(self.progress())
                if not self._jobs and not self._open():
                    break
                time.sleep(_TICK)
            self._stop(show, say)
        show(self.progress())
        return self._signals[0] if self._signals else 0

    def _progress_of(self, name: str) -> Progress:
        before, at = self._progress.get(name), self._shown(name)
        if before is None or before.standing != at or at.status == "running":
            self._progress[name] = before = self._followers[name].read(at)
        return before

    def _look(self, cell: Cell) -> Standing:
        return standing.standing(self._paths[cell.name], cell)

    def _shown(self, name: str) -> Standing:
        at = self._standings[name]
        if name in self._jobs:
            status: Status = "waiting" if self._jobs[name].is_queued() else "running"
            return Standing(status, "", at.attempts, at.anew)
        if name in self._failures:
            return Standing("failed", self._failures[name], at.attempts, at.anew)
        return at

    def _open(self) -> list[Cell]:
        """Cells that are not at an end and that this process does not work on."""
        return [
            cell
            for cell in self.study.cells
            if cell.name not in self._jobs
            and cell.name not in self._failures
            and (self._is_due(cell.name) or self._standings[cell.name].status == "running")
        ]

    def _is_due(self, name: str) -> bool:
        status = self._standings[name].status
        return status in _AT_REST or (status == "failed" and name in self._retries)

    def _hand_in(self) -> None:
        now = time.monotonic()
        tasks: list[Task] = []
        for cell in self._open():
            name = cell.name
            if not self._is_due(name) or now < self._not_before.get(name, 0.0):
                continue
            task = self._task(cell)
            if not self.executor.has_room(task, tasks):
                break
            self._standings[name] = self._look(cell)  # another process may have been faster
            if self._is_due(name):
                self._retries.discard(name)
                tasks.append(task)
        if tasks:
            jobs = self.executor.submit(tasks)
            self._jobs |= {task.cell: job for task, job in zip(tasks, jobs, strict=True)}

    def _task(self, cell: Cell) -> Task:
        fabric = cell.config.fabric
        command = [sys.executable, "-m", "sparsegan", "study", str(self.study.directory.resolve())]
        command += ["--cell", cell.name, *(["--trust_code"] if self.trust_code else [])]
        return Task(
            cell=cell.name,
            command=tuple(command),
            output=self._paths[cell.name].output.resolve(),
            cores=cores(cell.config),
            devices=fabric.devices if fabric.accelerator in ("cuda", "auto") else 0,
            folder=Path.cwd(),
        )

    def _collect(self) -> bool:
        """See which jobs have ended, and how; whether there are any left."""
        for name, job in list(self._jobs.items()):
            code = job.exit_code()
            if code is None:
                continue
            del self._jobs[name]
            cell = self.study.cell(name)
            self._standings[name] = self._look(cell)
            if self._signals or not self._is_due(name):
                continue
            if code == worker.BUSY:
                self._not_before[name] = time.monotonic() + _LOOK
                continue
            self._starts[name] = self._starts.get(name, 0) + 1
            may_go_on = code == worker.AGAIN or worker.ended_by(code)
            if not may_go_on or self._starts[name] >= _STARTS:
                paths = self._paths[name]
                self._failures[name] = reason = worker.reason_of(code, paths.output)
                worker.note_failure(paths, cell, reason)
        return bool(self._jobs)

    def _watch_others(self) -> None:
        if time.monotonic() < self._looked + _LOOK:
            return
        for cell in self._open():
            self._standings[cell.name] = self._look(cell)
        self._looked = time.monotonic()

    def _stop(self, show: Show, say: Say) -> None:
        """Pass every signal on, and wait until all have saved their state."""
        passed = 0
        while self._collect():
            if passed < len(self._signals):
                passed = len(self._signals)
                again = "" if passed > 1 else "; asked again they end at once"
                say(f"stopping: {len(self._jobs)} running cell(s) save their state{again}")
                for job in self._jobs.values():
                    job.stop()
            show(self.progress())
            time.sleep(_TICK)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Remember signals; outside of the main thread they keep their usual effect."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def remember(number: int, frame: FrameType | None) -> None:
            self._signals.append(number)

        before = {each: signal.signal(each, remember) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
