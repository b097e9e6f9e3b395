"""What a job of Slurm's does: a cell's command, its end written down, and back into the queue."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from sparsegan.files import atomic_write_text
from sparsegan.study.executors.base import Task

_TERMINATED = (-signal.SIGTERM, 128 + signal.SIGTERM)


class Work:
    """What a job does: the task's command, in a process of its own.

    A signal from `SlurmJob.stop` is SIGINT, one from Slurm is SIGTERM: both reach the command
    itself. After the first the job is done; after the second it goes back into the queue, unless
    Slurm is taking it out already, to requeue or to cancel it. Ahead of a time limit submitit has
    SIGUSR2 sent, which the command is not to feel, and calls `checkpoint`.
    """

    def __call__(self, task: Task) -> None:
        """Run the command and write down its exit code."""
        job = _own_job()
        ended = ending(Path(os.environ["SUBMITIT_FOLDER"]), job)
        ended.unlink(missing_ok=True)
        self._signal = 0
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._remember)
        with task.output.open("ab") as output:
            output.write(f"Slurm: job {job} on {os.environ.get('SLURMD_NODENAME')}\n".encode())
            output.flush()
            self._process = subprocess.Popen(
                task.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=task.folder,
                env=environment(os.environ),
                preexec_fn=_ignore_time_limit,
            )
        if self._signal:
            self._process.send_signal(self._signal)
        _wait_for(self._process.pid)
        code = self._process.wait()
        if code in _TERMINATED and self._signal != signal.SIGINT and _is_running():
            os.kill(os.getpid(), signal.SIGUSR2)  # submitit calls `checkpoint` and requeues
        atomic_write_text(ended, f"{code}\n")

    def checkpoint(self, task: Task) -> Any:
        """Have the command save its state; what to do when the job is begun again."""
        from submitit.helpers import DelayedSubmission

        if not self._signal:
            self._process.terminate()
        _wait_for(self._process.pid)
        return DelayedSubmission(Work(), task)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._signal = number


def ending(folder: Path, job: str) -> Path:
    """The file with a job's exit code."""
    return folder / f"{job}.exit"


def environment(of_job: Mapping[str, str]) -> dict[str, str]:
    """What a cell is to see: a program that starts its own processes, and none of srun's."""
    return {key: value for key, value in of_job.items() if not key.startswith("SLURM_")}


def _own_job() -> str:
    array, index = (os.environ.get(f"SLURM_ARRAY_{part}_ID") for part in ("JOB", "TASK"))
    return f"{array}_{index}" if array else os.environ["SLURM_JOB_ID"]


def _wait_for(process: int) -> None:
    """Unlike `Popen.wait` this can be called while a signal has interrupted it."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def _ignore_time_limit() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _is_running() -> bool:
    """Whether Slurm has nothing else in mind for this job."""
    return ask("squeue", "-h", "-j", os.environ["SLURM_JOB_ID"], "-o", "%T") == "RUNNING"


def ask(*command: str) -> str | None:
    """What one of Slurm's programs says; None where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
