import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from sparsegan.errors import SparseganError
from sparsegan.study import load
from sparsegan.study.executors.base import Task
from sparsegan.study.executors.ray import RayExecutor
from tiny_run import SETTINGS

SAVES = (
    "import pathlib, signal, sys, time\n"
    "def save(number, frame): pathlib.Path('saved').write_text('x'); sys.exit(128 + number)\n"
    "signal.signal(signal.SIGTERM, save); print('here', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def two_nodes():
    """Two nodes of one processor each, as processes of this machine; RAY_ADDRESS names them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        small = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=small)
        try:
            cluster.add_node(**small)
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            cluster.shutdown()


def task(folder, name, program, cores=1):
    folder = folder / name
    folder.mkdir(parents=True)
    command = (sys.executable, "-c", program)
    return Task(name, command, folder / "runs" / "log", cores, 0, folder)


def printed(each):
    return each.output.read_text() if each.output.exists() else ""


def until(true, what, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def nodes(logs):
    return {node for log in logs for node in re.findall(r"Ray: node (\w+)", log)}


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SparseganError, match=r"sparsegan\[ray\]"):
        RayExecutor()


@pytest.mark.full("ray")
def test_a_cluster_that_is_not_there_is_refused(tmp_path):
    program = "from sparsegan.study.executors.ray import RayExecutor; RayExecutor()"
    environment = {**os.environ, "RAY_TMPDIR": str(tmp_path)}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert "SparseganError: there is no Ray cluster to be reached" in done.stderr


@pytest.mark.full("ray")
def test_tasks_end_as_their_commands_do_and_a_stop_saves(two_nodes, tmp_path):
    tasks = [task(tmp_path, "ends", "raise SystemExit(7)")]
    tasks += [task(tmp_path, name, SAVES) for name in ("a", "b", "waits")]
    terminated = (-signal.SIGTERM, 128 + signal.SIGTERM)
    with RayExecutor() as executor:
        ends, *others = executor.submit(tasks)
        until(lambda: ends.exit_code() == 7, printed(tasks[0]))
        until(lambda: sum("here" in printed(each) for each in tasks) == 2, "never began")
        third, first, second = sorted(others, key=lambda job: "here" in printed(job.task))
        assert [job.is_queued() for job in (first, second, third)] == [False, False, True]
        third.stop()
        first.stop()
        until(lambda: first.exit_code() is not None, "does not end")
        assert first.exit_code() in terminated
        assert (first.task.folder / "saved").exists()
    assert {second.exit_code(), third.exit_code()} <= set(terminated)
    assert (second.task.folder / "saved").exists()
    assert len(nodes(printed(job.task) for job in (first, second))) == 2


@pytest.mark.full("ray")
def test_a_study_over_both_nodes(two_nodes, tmp_path):
    content = {"base": SETTINGS, "arms": {"adapt": {}}, "seeds": [0, 1]}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({**content, "directory": str(tmp_path / "out")}))
    study = [sys.executable, "-m", "sparsegan", "study", str(path), "--trust_code", "--on", "ray"]
    subprocess.run(study, check=True)
    assert [row["status"] for row in load(path)] == ["finished", "finished"]
    assert len(nodes(log.read_text() for log in tmp_path.glob("out/runs/adapt/*.log"))) == 2
