import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sparsegan.record.checkpoint import load_state
from sparsegan.record.run import RunDirectory
from tiny_run import differences

HERE = Path(__file__).parent


def processes(folder, *kills):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        # One machine has one cache: both runs choose kernels by the same timings.
        "SPARSEGAN_CACHE": str(folder.parent / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, HERE / "killed_run.py", folder / "run", *map(str, kills)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return RunDirectory(folder / "run"), json.loads(done.stdout.splitlines()[-1])


@pytest.mark.full
def test_killed_at_any_moment_and_resumed_ends_with_the_same_bits(tmp_path):
    whole, (uninterrupted,) = processes(tmp_path / "whole")
    calls = uninterrupted["status"] - 101
    assert calls > 40
    # The first process dies somewhere in its first half; each later one gets a little farther,
    # since it begins at a checkpoint: they die in steps, in checkpoints half written, and between
    # a file's fsync and its rename.
    dice = random.Random(1)
    kills = [dice.randrange(12, calls // 2), *(dice.randrange(5, 13) for _ in range(5))]
    run, deaths = processes(tmp_path / "killed", *kills)
    assert [each["status"] for each in deaths[:-1]] == [-signal.SIGKILL] * 6, deaths
    assert deaths[-1]["status"] > 100
    assert any(each["left"] for each in deaths[:-1]), "no kill fell into the writing of a file"
    assert deaths[-1]["left"] == 0
    ends = [load_state(each.checkpoint(14)) for each in (run, whole)]
    assert differences(*ends) == []
    assert run.checkpoint_steps() == whole.checkpoint_steps()
