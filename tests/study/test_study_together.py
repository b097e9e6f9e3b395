"""Studies in processes of their own: killed, gone on with, and shared."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparsegan.record.checkpoint import load_state
from sparsegan.study import load
from study_of_seconds import place, study
from tiny_run import differences

pytestmark = pytest.mark.full
TESTS = Path(__file__).parents[1]


def process(of, *options, cache):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(__file__).parent)]),
        # One machine has one cache: all choose kernels by the same timings.
        "SPARSEGAN_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "sparsegan", "study", str(of.origin), "--trust_code"]
    return subprocess.Popen(
        [*command, "--workers", "1", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def one(tmp_path, name, **changes):
    (tmp_path / name).mkdir()
    base = {"steps": 12, "checkpoint": {"every": 2}, "evaluate": {"every": 6, "images": 16}}
    return study(tmp_path / name, base={**base, **changes}, seeds=[0])


def whole(tmp_path):
    of = one(tmp_path, "whole")
    done = process(of, cache=tmp_path / "cache")
    output, _ = done.communicate(timeout=300)
    assert done.returncode == 0, output
    assert {row["status"] for row in load(of.origin)} == {"finished"}, output
    return of


def equal(of, other):
    for cell in of.cells:
        ends = [load_state(place(each, cell.name).run.checkpoint(12)) for each in (of, other)]
        assert differences(*ends) == [], cell.name


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_study_that_is_killed_goes_on_to_the_same_bits(number, tmp_path):
    expected = whole(tmp_path)
    of = one(tmp_path, "killed")
    dice = random.Random(int(number))
    for _ in range(3):
        killed = process(of, cache=tmp_path / "cache")
        time.sleep(dice.uniform(8, 16))
        killed.send_signal(number)
        killed.communicate(timeout=100)
        assert killed.returncode in (0, -9, 128 + number, 130)
    done = process(of, cache=tmp_path / "cache")
    output, _ = done.communicate(timeout=300)
    assert done.returncode == 0, output
    table = load(of.origin)
    assert {row["status"] for row in table} == {"finished"}, output
    assert {row["anew"] for row in table} == {""}
    equal(of, expected)


def test_two_processes_share_the_cells_and_run_none_twice(tmp_path):
    expected = whole(tmp_path)
    of = one(tmp_path, "shared")
    both = [process(of, cache=tmp_path / "cache") for _ in range(2)]
    outputs = [each.communicate(timeout=300)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    for cell in of.cells:
        where = place(of, cell.name)
        assert json.loads(where.record.read_text())["attempts"] == 1
        assert where.run.metrics.read_text().count('"kind": "end"') == 1
        assert len(re.findall(r"cell finished|12/12", where.output.read_text())) <= 1
    equal(of, expected)


def test_a_cell_of_two_processes_is_a_cell_like_others(tmp_path):
    of = one(tmp_path, "two", fabric={"devices": 2})
    killed = process(of, "--workers", "2", cache=tmp_path / "cache")
    time.sleep(20)
    killed.terminate()
    killed.communicate(timeout=100)
    done = process(of, "--workers", "2", cache=tmp_path / "cache")
    output, _ = done.communicate(timeout=300)
    assert done.returncode == 0, output
    assert {row["status"] for row in load(of.origin)} == {"finished"}, output
