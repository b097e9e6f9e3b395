import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from needs import in_full
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory
from tiny_run import differences

SCRIPT = Path(__file__).parent / "ranks_run.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def run_processes(*command, code=0):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SCRIPT.parent), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def seen(run):
    return [json.loads(Path(f"{run.path}-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A run on two processes that we started."""
    path = tmp_path_factory.mktemp("ranks") / "ours"
    run_processes(SCRIPT, "train", path)
    return RunDirectory(path)


@pytest.fixture(scope="module")
def torchrun(ours):
    """The same run, resumed half-way by torchrun."""
    path = ours.path.with_name("torchrun")
    shutil.copytree(ours.path, path)
    run_processes(*TORCHRUN, SCRIPT, "resume", path)
    return RunDirectory(path)


@pytest.mark.full
@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("killed", "was killed by SIGKILL, as systems do that run out of memory"),
        ("fails", "ended with an error, which it has told"),
    ],
)
def test_a_process_that_is_lost_ends_the_other_with_how_to_go_on(tmp_path, command, says):
    said = run_processes(SCRIPT, command, tmp_path / "run", code=1)
    assert ("an error of the second process alone" in said) == (command == "fails")
    assert f"LostProcessError: process 1 (of 2, from 0) {says}" in said
    assert f"go on with `sparsegan resume {tmp_path / 'run'}`" in said
    # Every fourth step, and after the fifth the best evaluation of a trained generator.
    assert RunDirectory(tmp_path / "run").checkpoint_steps() == [0, 4, 5]


@pytest.mark.parametrize("name", ["ours", *in_full("torchrun")])
def test_both_ranks_see_the_same(request, name):
    first, second = seen(request.getfixturevalue(name))
    assert first["steps"]
    assert first == second
    decisions = [step[2] for step in first["steps"] if step[2]]
    changes = [change for step in first["steps"] for change in step[3]]
    assert decisions
    assert changes


def test_one_rank_writes_the_run(ours):
    events = list(read_events(ours.metrics))
    assert [e["step"] for e in events if e["kind"] == "balance"] == list(range(1, 15))
    start = next(e for e in events if e["kind"] == "start")
    assert start["machine"]["processes"] == 2


@pytest.mark.full
@pytest.mark.parametrize(
    "flags",
    [
        ("--method.name", "tickets", "--method.rounds", "2", "--method.rewind_to", "2"),
        ("--method.name", "snip"),
        ("--method.name", "prune", "--method.prune_at", "0.5"),
    ],
    ids=lambda flags: flags[1],
)
def test_networks_that_are_pruned_and_go_back_agree_also_after_a_stop(tmp_path, flags):
    whole = RunDirectory(tmp_path / "whole")
    run_processes(SCRIPT, "train", whole.path, "--engine", "masked", *flags)
    resumed = RunDirectory(tmp_path / "resumed")
    shutil.copytree(whole.path, resumed.path)
    run_processes(SCRIPT, "resume", resumed.path)
    for run in (whole, resumed):
        first, second = seen(run)
        assert first == second
    assert any(changes for *_, changes in seen(whole)[0]["steps"])
    assert differences(*(load_state(run.checkpoint(14)) for run in (whole, resumed))) == []


@pytest.mark.full
def test_resumed_by_another_launcher_it_ends_with_the_same_bits(ours, torchrun):
    ends = [load_state(run.checkpoint(14)) for run in (ours, torchrun)]
    assert len(ends[0]["ranks"]) == 2
    buffers = [rank["buffers"]["generator"] for rank in ends[0]["ranks"]]
    assert differences(*buffers), "batch statistics are each rank's own"
    assert differences(*ends) == []
