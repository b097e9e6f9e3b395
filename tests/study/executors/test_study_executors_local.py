import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparsegan.study.executors.base import Task
from sparsegan.study.executors.local import STARTED_BY, LocalExecutor

FOREVER = "import time; print('here', flush=True); time.sleep(60)"


def task(program, folder, cores=1, devices=0):
    command = (sys.executable, "-c", program)
    output = folder / "runs" / f"log-{cores}-{devices}"
    return Task("a/seed=0", command, output, cores, devices, folder)


def until(true):
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_task_prints_and_how_it_ends(tmp_path):
    with LocalExecutor(1) as executor:
        program = "import os, sys; print(os.getcwd()); sys.exit(7)"
        (job,) = executor.submit([task(program, tmp_path)])
        until(lambda: job.exit_code() is not None)
    assert job.exit_code() == 7
    assert job.task.output.read_text().strip() == str(tmp_path)


def test_there_is_room_for_as_many_cores_as_there_are(tmp_path):
    with LocalExecutor(3) as executor:
        assert executor.has_room(task("", tmp_path, cores=5))  # alone it may run
        assert executor.has_room(task("", tmp_path), [task("", tmp_path, cores=2)])
        assert not executor.has_room(task("", tmp_path, cores=2), [task("", tmp_path, cores=2)])
        (first,) = executor.submit([task(FOREVER, tmp_path, cores=2)])
        assert executor.has_room(task("", tmp_path))
        assert not executor.has_room(task("", tmp_path, cores=2))
        first.stop()
        until(lambda: first.exit_code() is not None)
        assert first.exit_code() == -signal.SIGTERM
        assert executor.has_room(task("", tmp_path, cores=3))


def test_each_has_devices_of_its_own(tmp_path):
    program = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); " + FOREVER
    with LocalExecutor(9, devices=3) as executor:
        jobs = executor.submit([task(program, tmp_path, devices=n) for n in (1, 2)])
        assert not executor.has_room(task("", tmp_path, devices=1))
        assert executor.has_room(task("", tmp_path))
        until(lambda: all("here" in job.task.output.read_text() for job in jobs))
    lines = [job.task.output.read_text().split()[0] for job in jobs]
    assert lines == ["0", "1,2"]


def test_leaving_ends_what_still_runs(tmp_path):
    with LocalExecutor(1) as executor:
        (job,) = executor.submit([task(FOREVER, tmp_path)])
        until(lambda: job.task.output.read_text())
    assert job.exit_code() == -signal.SIGTERM


@pytest.mark.full
def test_a_worker_ends_when_its_study_is_gone(tmp_path):
    worker = (
        "from sparsegan.study.executors.local import follow_starter\n"
        "import time; follow_starter(); print('here', flush=True); time.sleep(60)"
    )
    starter = (
        "import os, subprocess, sys, time\n"
        f"os.environ['{STARTED_BY}'] = str(os.getpid())\n"
        f"child = subprocess.Popen([sys.executable, '-c', {worker!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))


def _is_zombie(pid):
    try:
        return not Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return True
