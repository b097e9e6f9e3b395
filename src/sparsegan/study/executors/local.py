"""Cells in processes of this machine, several at a time."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from sparsegan.files import writing
from sparsegan.study.executors.base import Executor, Job, Task

STARTED_BY = "SPARSEGAN_STUDY_STARTED_BY"
"""The environment's name for the process without which a worker is not to go on."""

_TICK = 1.0
_GRACE = 30.0
"""Seconds in which a process that was asked to may save its state."""


class LocalJob(Job):
    """A process with a group of its own: a terminal's Ctrl-C reaches it through the study alone."""

    def __init__(self, task: Task, devices: Sequence[int] | None) -> None:
        self.task, self.devices = task, devices
        environment = {**os.environ, STARTED_BY: str(os.getpid())}
        if devices is not None:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
        with writing(task.output):
            task.output.parent.mkdir(parents=True, exist_ok=True)
        with writing(task.output), task.output.open("ab") as output:
            self._process = subprocess.Popen(
                task.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=task.folder,
                env=environment,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """The process's."""
        return self._process.poll()

    def stop(self) -> None:
        """Pass SIGTERM on."""
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process and all that it has started, at once."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class LocalExecutor(Executor):
    """So many processes at a time.

    Args:
        workers: Cores to keep busy: a cell takes as many as it has processes and threads, and one
            that takes more than there are runs alone.
        devices: Accelerators to share, each with one cell at a time.
    """

    def __init__(self, workers: int, devices: int = 0) -> None:
        self.workers, self.devices = workers, devices
        self._jobs: list[LocalJob] = []

    def has_room(self, task: Task, beside: Sequence[Task] = ()) -> bool:
        """Whether cores, and devices if it needs any, are free."""
        running = self._running()
        if not running and not beside:
            return True
        cores = sum(each.cores for each in [*(job.task for job in running), *beside])
        devices = sum(each.devices for each in [task, *beside])
        enough = not self.devices or len(self._free(running)) >= devices
        return cores + task.cores <= self.workers and enough

    def submit(self, tasks: Sequence[Task]) -> list[Job]:
        """Start a process for each."""
        jobs: list[Job] = []
        for task in tasks:
            devices = None
            if self.devices and task.devices:
                devices = self._free(self._running())[: task.devices]
            job = LocalJob(task, devices)
            self._jobs.append(job)
            jobs.append(job)
        return jobs

    def close(self) -> None:
        """Ask all to save their state; after a while end them."""
        running = self._running()
        for job in running:
            job.stop()
        end = time.monotonic() + _GRACE
        while self._running() and time.monotonic() < end:
            time.sleep(0.1)
        for job in running:
            job.kill()

    def _running(self) -> list[LocalJob]:
        self._jobs = [job for job in self._jobs if job.exit_code() is None]
        return list(self._jobs)

    def _free(self, running: Sequence[LocalJob]) -> list[int]:
        taken = {device for job in running for device in job.devices or ()}
        return [device for device in range(self.devices) if device not in taken]


def follow_starter() -> None:
    """Have this process save its state and end when the study that started it is gone."""
    starter = os.environ.pop(STARTED_BY, None)
    if starter is None:
        return

    def watch() -> None:
        while os.getppid() == int(starter):
            time.sleep(_TICK)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
