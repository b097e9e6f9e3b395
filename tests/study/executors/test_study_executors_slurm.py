import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from slurm_cluster import ask, cluster, until
from sparsegan.errors import SparseganError
from sparsegan.study.executors import slurm
from sparsegan.study.executors.base import Task
from sparsegan.study.executors.slurm import SlurmExecutor
from sparsegan.study.file import read
from sparsegan.study.paths import CellPaths
from sparsegan.study.worker import work
from tiny_run import SETTINGS, differences

WAITS = "import time; print('here', flush=True); time.sleep(60)"
SAVES = (
    "import pathlib, signal, sys, time\n"
    "def save(number, frame): pathlib.Path('saved').write_text('x'); sys.exit(128 + number)\n"
    "for each in (signal.SIGINT, signal.SIGTERM): signal.signal(each, save)\n"
    "if pathlib.Path('saved').exists(): sys.exit(5)\n"
) + WAITS


@pytest.fixture(scope="module")
def one_node():
    with pytest.MonkeyPatch.context() as patch:
        # What the jobs import, which inherit the environment of whoever hands them in.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(SlurmExecutor, "look", 0.5)
        patch.setattr(SlurmExecutor, "late", 2.0)
        with cluster():
            yield


def task(folder, name, program, cores=1):
    folder = folder / name
    folder.mkdir(parents=True)
    command = (sys.executable, "-c", program)
    return Task(name, command, folder / "runs" / "log", cores, 0, folder)


def printed(each):
    return each.output.read_text() if each.output.exists() else ""


def ended(job):
    until(lambda: job.exit_code() is not None, printed(job.task))
    return job.exit_code()


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(SparseganError, match=r"sparsegan\[slurm\]"):
        SlurmExecutor(tmp_path)


def test_a_machine_without_slurm_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", object())
    monkeypatch.setattr(slurm, "ask", lambda *command: None)
    with pytest.raises(SparseganError, match="no machine of a Slurm cluster"):
        SlurmExecutor(tmp_path)


@pytest.mark.parametrize("limit", ["0", "-3", "1:00:00"])
def test_a_time_limit_is_in_minutes(tmp_path, monkeypatch, limit):
    monkeypatch.setitem(sys.modules, "submitit", object())
    monkeypatch.setattr(slurm, "ask", lambda *command: "")
    with pytest.raises(SparseganError, match="whole minutes"):
        SlurmExecutor(tmp_path, {"time": limit})


@pytest.mark.full("slurm")
def test_jobs_of_an_array_end_as_their_commands_do(one_node, tmp_path):
    tasks = [
        task(tmp_path, "a", "import os; print(os.getcwd()); raise SystemExit(7)"),
        task(tmp_path, "pair", "", cores=2),
        task(tmp_path, "b", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    ]
    with SlurmExecutor(tmp_path / "slurm", {"comment": "tests"}) as executor:
        jobs = executor.submit(tasks)
        assert [ended(job) for job in jobs] == [7, 0, -signal.SIGKILL]
    arrays = [job.number.partition("_")[0] for job in jobs]
    assert arrays[0] == arrays[2] != arrays[1]
    assert printed(tasks[0]).splitlines()[-1] == str(tmp_path / "a")


@pytest.mark.full("slurm")
def test_a_stop_saves_and_takes_what_waits_out_of_the_queue(one_node, tmp_path):
    tasks = [task(tmp_path, name, SAVES, cores=2) for name in ("a", "b")]
    with SlurmExecutor(tmp_path / "slurm") as executor:
        jobs = executor.submit(tasks)
        until(lambda: any("here" in printed(each) for each in tasks), "never began")
        second, first = sorted(jobs, key=lambda job: "here" in printed(job.task))
        assert second.is_queued()
        for job in jobs:
            job.stop()
        assert ended(first) == 128 + signal.SIGINT
        assert ended(second) == -signal.SIGKILL
    assert (first.task.folder / "saved").exists()
    assert "here" not in printed(second.task)


@pytest.mark.full("slurm")
@pytest.mark.parametrize("sent", ["TERM", "USR2"])
def test_a_job_that_slurm_ends_saves_and_goes_back_into_the_queue(one_node, tmp_path, sent):
    # As at a preemption with grace, and ahead of a time limit.
    wanted = task(tmp_path, "a", SAVES)
    with SlurmExecutor(tmp_path / "slurm") as executor:
        (job,) = executor.submit([wanted])
        until(lambda: "here" in printed(wanted), "never began")
        ask("scancel", f"--signal={sent}", job.number)
        assert ended(job) == 5
    assert printed(wanted).count("Slurm: job") == 2


@pytest.mark.full("slurm")
def test_a_job_without_a_last_word_is_noticed(one_node, tmp_path):
    wanted = task(tmp_path, "a", "import os; os.kill(os.getppid(), 9)")
    with SlurmExecutor(tmp_path / "slurm") as executor:
        (job,) = executor.submit([wanted])
        assert ended(job) == -signal.SIGKILL
    assert "is gone: FAILED" in printed(wanted)


@pytest.mark.full("slurm")
def test_what_sbatch_refuses_is_said(one_node, tmp_path):
    with (
        SlurmExecutor(tmp_path / "slurm", {"partition": "none"}) as executor,
        pytest.raises(SparseganError, match="no jobs: invalid partition specified: none"),
    ):
        executor.submit([task(tmp_path, "a", "")])


@pytest.mark.full("slurm")
def test_a_study_with_a_requeued_cell_and_one_of_two_processes(one_node, tmp_path):
    changes = {"steps": 60, "checkpoint": {"every": 5, "keep": 2}, "log_every": 30}
    changes["sample"] = {"every": 30, "grid": 2}
    changes["evaluate"] = {**SETTINGS["evaluate"], "every": 30}
    two = {"steps": 12, "fabric": {"devices": 2, "accelerator": "cpu"}}
    arms = {"adapt": {}, "pair": two}
    path = tmp_path / "tiny.yaml"
    content = {"base": {**SETTINGS, **changes}, "arms": arms, "directory": str(tmp_path / "out")}
    path.write_text(yaml.safe_dump(content))
    places = {cell.arm: CellPaths(tmp_path / "out", cell.name) for cell in read(path).cells}
    adapt, alone = places["adapt"], CellPaths(tmp_path / "alone", places["adapt"].name)
    study = [sys.executable, "-m", "sparsegan", "study", "--trust_code", str(path)]
    running = subprocess.Popen([*study, "--on", "slurm"])
    try:
        until(lambda: len(adapt.run.checkpoint_steps()) > 1, "never trained", 300)
        (job,) = re.findall(r"Slurm: job (\S+)", adapt.output.read_text())
        ask("scontrol", "requeue", job)
        here = read(path, alone.study)
        assert work(here, here.cell(alone.name), trust_code=True).status == "finished"
        assert running.wait(300) == 0
    finally:
        running.kill()
        running.wait()
    assert adapt.output.read_text().count(f"Slurm: job {job} on") == 2
    records = [json.loads(paths.record.read_text()) for paths in places.values()]
    assert [each["status"] for each in records] == ["finished", "finished"]
    assert [each["attempts"] for each in records] == [2, 1]
    assert differences(adapt.run.load(60), alone.run.load(60)) == []
