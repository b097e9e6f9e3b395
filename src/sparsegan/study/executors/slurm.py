"""Cells as jobs of a Slurm cluster, through submitit: an array for all that need the same.

Slurm decides when a job runs. One that is preempted, or whose time is over, saves its state and
goes back into the queue, whence it goes on; so does one whose node has died. Slurm is asked with
``squeue`` which jobs there are: that needs no accounting. How a command ended is in a file that
its job has written.
"""

import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sparsegan.errors import SparseganError
from sparsegan.files import writing
from sparsegan.study.executors.base import Executor, Job, Task
from sparsegan.study.executors.slurm_work import Work, ask, ending

_MINUTES = 240
"""A job's time limit where nothing is said; a cell that takes longer goes through the queue."""
_TIMEOUTS = 1000
_ARRAY = 1000
"""Jobs of an array: Slurm's own limit is 1001 where the site has set no other (MaxArraySize)."""
_LOOK = 5.0
"""Seconds between two calls of squeue."""
_LATE = 30.0
"""Seconds in which a file that a job has written shows on another machine."""
_ENDED = (
    *("", "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"),
)


class SlurmJob(Job):
    """A job in the queue or out of it."""

    def __init__(self, executor: "SlurmExecutor", number: str, task: Task) -> None:
        self.executor, self.number, self.task = executor, number, task
        self._stops = False
        self._code: int | None = None
        self._gone: float | None = None

    def is_queued(self) -> bool:
        """Whether Slurm says so."""
        return self.executor.state(self.number) == "PENDING"

    def exit_code(self) -> int | None:
        """As its job has written it down; that of SIGKILL where it could not."""
        if self._code is not None:
            return self._code
        state = self.executor.state(self.number)
        if state not in _ENDED:
            self._gone = None
            if self._stops and state == "PENDING":
                ask("scancel", self.number)
            return None
        try:
            self._code = int(ending(self.executor.folder, self.number).read_text())
        except (OSError, ValueError):
            self._gone = self._gone or time.monotonic()
            if state == "CANCELLED" or time.monotonic() > self._gone + self.executor.late:
                self._code = -signal.SIGKILL
                self._say(f"Slurm: job {self.number} is gone: {state or 'nothing is known of it'}")
        return self._code

    def stop(self) -> None:
        """Cancel it in the queue; SIGINT for its command else."""
        self._stops = True
        ask("scancel", "--state=PENDING", self.number)
        ask("scancel", "--state=RUNNING", "--signal=INT", self.number)

    def _say(self, line: str) -> None:
        with writing(self.task.output), self.task.output.open("a", encoding="utf-8") as output:
            output.write(line + "\n")


class SlurmExecutor(Executor):
    """A Slurm cluster, on one of whose machines this process runs.

    Args:
        folder: Where scripts and outputs of jobs are, seen by every machine.
        options: Options of sbatch by their long names: `{"partition": "gpu", "time": "600"}`,
            `time` in minutes; `array_parallelism` is how many of an array run at a time.

    Raises:
        SparseganError: submitit or Slurm is not installed.
    """

    look, late = _LOOK, _LATE

    def __init__(self, folder: Path, options: Mapping[str, str] | None = None) -> None:
        try:
            import submitit
        except ImportError:
            raise SparseganError(
                "a study on Slurm needs submitit: pip install 'sparsegan[slurm]'"
            ) from None
        if ask("sinfo", "--version") is None:
            raise SparseganError(
                "this is no machine of a Slurm cluster: it has no sinfo and sbatch"
            )
        self.folder = folder.resolve()
        self._submitit = submitit
        self._options = {key.replace("-", "_"): value for key, value in (options or {}).items()}
        time_limit = self._options.get("time", str(_MINUTES))
        if not time_limit.isdecimal() or int(time_limit) == 0:
            raise SparseganError(f"time is {time_limit}: a job's time limit is in whole minutes")
        self._has_devices = "gpu" in (ask("sinfo", "-h", "-o", "%G") or "")
        self._jobs: list[SlurmJob] = []
        self._states: dict[str, str] = {}
        self._looked = -self.look

    def has_room(self, task: Task, beside: Sequence[Task] = ()) -> bool:
        """Yes: the queue is Slurm's."""
        return True

    def submit(self, tasks: Sequence[Task]) -> list[Job]:
        """An array for all that need equally many cores and devices."""
        jobs: dict[str, SlurmJob] = {}
        for (cores, devices), alike in groupby(sorted(tasks, key=_needs), key=_needs):
            queue = self._queue(cores, devices)
            group = list(alike)
            for task in group:
                with writing(task.output):
                    task.output.parent.mkdir(parents=True, exist_ok=True)
            for start in range(0, len(group), _ARRAY):
                part = group[start : start + _ARRAY]
                try:
                    begun = queue.map_array(Work(), part)
                except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                    self._cancel(job.number for job in jobs.values())
                    raise SparseganError(f"Slurm takes no jobs: {_said(error)}") from None
                for job, task in zip(begun, part, strict=True):
                    jobs[task.cell] = SlurmJob(self, str(job.job_id), task)
        self._jobs += jobs.values()
        self._looked = -self.look
        return [jobs[task.cell] for task in tasks]

    def state(self, number: str) -> str:
        """What Slurm says of a job, at most a few seconds ago; empty where it knows it no more."""
        if time.monotonic() > self._looked + self.look:
            said = ask("squeue", "--me", "-h", "-r", "-t", "all", "-o", "%i %T")
            if said is not None:  # else it is restarting: its jobs go on
                self._states = dict(line.split(maxsplit=1) for line in said.splitlines())
            elif not self._states:
                return "PENDING"
            self._looked = time.monotonic()
        return self._states.get(number, "")

    def close(self) -> None:
        """Cancel what is left."""
        self._cancel(job.number for job in self._jobs if job.exit_code() is None)

    def _cancel(self, numbers: Iterable[str]) -> None:
        left = list(numbers)
        if left:
            ask("scancel", *left)

    def _queue(self, cores: int, devices: int) -> Any:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        queue = self._submitit.SlurmExecutor(self.folder, max_num_timeout=_TIMEOUTS)
        own = {
            "job_name": "sparsegan",
            "time": _MINUTES,
            "cpus_per_task": cores,
            "srun_args": ["--cpus-per-task", str(cores)],  # newer ones do not take it from sbatch
            "wckey": None,
            **({"gpus_per_node": devices} if devices and self._has_devices else {}),
        }
        known = queue._valid_parameters()
        stated = {
            key: int(value) if value.isdecimal() else value for key, value in self._options.items()
        }
        others = {key.replace("_", "-"): value for key, value in stated.items() if key not in known}
        own |= {key: value for key, value in stated.items() if key in known}
        queue.update_parameters(**own, additional_parameters={"requeue": True, **others})
        return queue


def _needs(task: Task) -> tuple[int, int]:
    return task.cores, task.devices


def _said(error: Exception) -> str:
    lines = [
        line.removeprefix("sbatch: ").removeprefix("error: ") for line in str(error).split("\n")
    ]
    return "; ".join(line.strip() for line in lines if line.strip()) or type(error).__name__
