"""Studies in processes of their own: killed, gone on with, and shared."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparsegan.record.checkpoint import load_state
from sparsegan.study import load
from study_of_seconds import paths_of, study
from tiny_run import differences

pytestmark = pytest.mark.full
TESTS = Path(__file__).parents[1]
STEPS = 12


def process(of, *options, cache):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
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


def one(folder, name, **changes):
    (folder / name).mkdir()
    evaluate = {"every": 6, "images": 16, "bn": "batch", "at": []}
    base = {
        **{"steps": STEPS, "checkpoint": {"every": 2, "keep": 9}, "evaluate": evaluate},
        **{"sample": {"every": 0, "grid": 1}, **changes},
    }
    return study(folder / name, base=base, seeds=[0])


def finish(of, folder, *options):
    done = process(of, *options, cache=folder / "cache")
    output, _ = done.communicate(timeout=300)
    assert done.returncode == 0, output
    assert {row["status"] for row in load(of.origin)} == {"finished"}, output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def expected(folder):
    """A study that nobody has disturbed."""
    of = one(folder, "whole")
    finish(of, folder)
    return of


def done(of, number):
    """The steps that a cell has checkpoints of."""
    return paths_of(of, of.cells[number].name).run.checkpoint_steps()


def stopped(of, folder, number, when, *options):
    """Signal the study as soon as something is so."""
    killed = process(of, *options, cache=folder / "cache")
    end = time.monotonic() + 300
    while not when():
        assert killed.poll() is None, killed.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)
    killed.send_signal(number)
    output, _ = killed.communicate(timeout=100)
    assert killed.returncode == (-number if number == signal.SIGKILL else 128 + number), output


def equal(of, other):
    for cell in of.cells:
        ends = [load_state(paths_of(each, cell.name).run.checkpoint(STEPS)) for each in (of, other)]
        assert differences(*ends) == [], cell.name


def test_a_study_that_is_stopped_again_and_again_comes_to_the_same_bits(folder, expected):
    of = one(folder, "stopped")
    stops = (
        (signal.SIGKILL, paths_of(of, of.cells[0].name).record.exists),
        (signal.SIGTERM, lambda: 4 in done(of, 0)),
        (signal.SIGKILL, lambda: 2 in done(of, 1)),
    )
    for number, when in stops:
        stopped(of, folder, number, when)
    finish(of, folder)
    table = load(of.origin)
    assert {row["anew"] for row in table} == {""}
    # How often each was begun hangs on how far a worker comes before it sees that it is alone.
    assert all(1 <= row["attempts"] <= 4 for row in table)
    equal(of, expected)


def test_two_processes_share_the_cells_and_run_none_twice(folder, expected):
    of = one(folder, "shared")
    both = [process(of, cache=folder / "cache") for _ in range(2)]
    outputs = [each.communicate(timeout=300)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    for row in load(of.origin):
        assert (row["status"], row["attempts"]) == ("finished", 1)
        log = paths_of(of, row["cell"]).run.metrics.read_text()
        assert (log.count('"kind": "start"'), log.count('"kind": "end"')) == (1, 1)
    equal(of, expected)


def test_a_cell_of_two_processes_is_a_cell_like_others(folder):
    of = one(folder, "two", fabric={"devices": 2})
    workers = ("--workers", "2")
    stopped(of, folder, signal.SIGTERM, lambda: 2 in done(of, 0), *workers)
    finish(of, folder, *workers)
    assert load(of.origin)[0]["attempts"] == 2
