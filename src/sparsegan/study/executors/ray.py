"""Cells as tasks of a Ray cluster: each waits for free cores on any machine of it.

Where a machine goes away its tasks begin again on another, and there go on from the last
checkpoint.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sparsegan.errors import SparseganError, first_line
from sparsegan.files import writing
from sparsegan.study.executors.base import Executor, Job, Task
from sparsegan.study.executors.local import STARTED_BY

_TICK = 0.2
_GRACE = 30.0
"""Seconds in which commands that were asked to may save their state."""


def work(task: Task) -> int:
    """The command's exit code; that Ray cancels the task reaches the command as SIGTERM.

    A command whose Ray worker is gone saves its state and ends (`follow_starter`).
    """
    import ray

    node = ray.get_runtime_context().get_node_id()
    with task.output.open("ab") as output:
        output.write(f"Ray: node {node} on {socket.gethostname()}\n".encode())
        output.flush()
        process = subprocess.Popen(
            task.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=task.folder,
            env={**os.environ, STARTED_BY: str(os.getpid())},
            start_new_session=True,
        )
    while process.poll() is None:
        try:
            time.sleep(_TICK)  # not `wait`: Ray cancels between two lines of Python
        except KeyboardInterrupt:
            process.terminate()
    return process.returncode


class RayJob(Job):
    """A task."""

    def __init__(self, ray: Any, reference: Any, task: Task) -> None:
        self.task = task
        self._ray, self._reference = ray, reference
        self._code: int | None = None
        self._size = _size(task.output)

    def is_queued(self) -> bool:
        """Whether its log has nothing new."""
        return self._size == _size(self.task.output)

    def exit_code(self) -> int | None:
        """As the task has returned it; that of SIGTERM or SIGKILL where it has returned nothing."""
        if self._code is None and self._ray.wait([self._reference], timeout=0)[0]:
            try:
                self._code = int(self._ray.get(self._reference))
            except self._ray.exceptions.TaskCancelledError:
                self._code = -signal.SIGTERM
            except self._ray.exceptions.RayError as error:
                self._code = -signal.SIGKILL
                with writing(self.task.output), self.task.output.open("a") as output:
                    output.write(f"Ray: {error}\n")
        return self._code

    def stop(self) -> None:
        """Cancel it."""
        if self.exit_code() is None:
            self._ray.cancel(self._reference)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class RayExecutor(Executor):
    """The Ray cluster at RAY_ADDRESS, or the one that this machine belongs to.

    Raises:
        SparseganError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise SparseganError("a study on Ray needs ray: pip install 'sparsegan[ray]'") from None
        try:
            ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise SparseganError(
                f"there is no Ray cluster to be reached ({first_line(error)}): begin one "
                "with `ray start --head`, or name its first machine in RAY_ADDRESS"
            ) from None
        self._ray = ray
        self._has_devices = ray.cluster_resources().get("GPU", 0) > 0
        self._jobs: list[RayJob] = []

    def has_room(self, task: Task, beside: Sequence[Task] = ()) -> bool:
        """Yes: Ray has a queue."""
        return True

    def submit(self, tasks: Sequence[Task]) -> list[Job]:
        """A task of Ray's for each."""
        jobs: list[Job] = []
        for task in tasks:
            with writing(task.output):
                task.output.parent.mkdir(parents=True, exist_ok=True)
            remote = self._ray.remote(work).options(
                name=task.cell,
                num_cpus=task.cores,
                num_gpus=task.devices if self._has_devices else 0,
                max_retries=-1,
                retry_exceptions=False,
            )
            job = RayJob(self._ray, remote.remote(task), task)
            self._jobs.append(job)
            jobs.append(job)
        return jobs

    def close(self) -> None:
        """Ask all to save their state; leave the cluster after a while."""
        for job in self._jobs:
            job.stop()
        end = time.monotonic() + _GRACE
        while any(job.exit_code() is None for job in self._jobs) and time.monotonic() < end:
            time.sleep(_TICK)
        with contextlib.suppress(Exception):
            self._ray.shutdown()
