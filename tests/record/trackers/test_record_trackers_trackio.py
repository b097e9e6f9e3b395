import json
import os
import sqlite3
import subprocess
import sys
import types
from pathlib import Path

import pytest

from sparsegan.record.run import create
from sparsegan.record.trackers.trackio import PROJECT, Trackio
from tiny_run import config


class Run:
    """One run of the store below."""

    def __init__(self, store, **asked):
        self.store, self.asked, self.id = store, asked, f"id {store.count}"
        self.rows, self.finished = [], False

    def log(self, values, step):
        self.rows.append((step, values))

    def delete(self):
        self.store.runs.remove(self)


class Store(types.ModuleType):
    """As much of trackio as is used, and what it says."""

    def __init__(self):
        super().__init__("trackio")
        self.runs, self.count = [], 0

    def init(self, **asked):
        print("* Trackio project initialized")
        self.count += 1
        self.runs.append(Run(self, **asked))
        return self.runs[-1]

    def finish(self):
        print("* Run finished.")
        self.runs[-1].finished = True

    def Api(self):  # noqa: N802
        return types.SimpleNamespace(runs=lambda project: list(self.runs))

    def Image(self, path):  # noqa: N802
        return ("image", Path(path).name)


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", store := Store())
    return store


def test_numbers_and_pictures_of_a_step_are_one_row(tmp_path, store, capsys):
    run = create(tmp_path / "first run")
    followed = Trackio(run, config("unused", "--seed", "123"))
    followed.picture(5, "samples", run.sample(5))
    followed.numbers(5, {"loss/generator": 0.5})
    followed.numbers(5, {"quality/kid": 0.1})
    followed.numbers(7, {"loss/generator": 0.25})
    followed.close()
    [made] = store.runs
    assert made.rows == [
        (5, {"samples": ("image", "step-00000005.png"), "loss/generator": 0.5, "quality/kid": 0.1}),
        (7, {"loss/generator": 0.25}),
    ]
    assert made.finished
    assert (made.asked["project"], made.asked["name"]) == (PROJECT, "first run")
    assert made.asked["config"]["seed"] == 123
    assert capsys.readouterr().out == ""


def test_what_the_run_has_logged_before_is_replaced_and_nothing_else(tmp_path, store):
    run, other = create(tmp_path / "a" / "run"), create(tmp_path / "b" / "run")
    for each in (run, other, run):
        Trackio(each, config("unused")).close()
    assert [made.id for made in store.runs] == ["id 2", "id 3"]
    copied = create(tmp_path / "c" / "run")
    (copied.path / "trackio.json").write_bytes((run.path / "trackio.json").read_bytes())
    Trackio(copied, config("unused")).close()
    assert [made.id for made in store.runs] == ["id 2", "id 3", "id 4"]


@pytest.mark.parametrize("left", ["", "[]", '{"id": 3}', "rubbish"])
def test_what_is_left_there_may_be_anything(tmp_path, store, left):
    run = create(tmp_path / "run")
    (run.path / "trackio.json").write_text(left)
    Trackio(run, config("unused")).close()
    assert json.loads((run.path / "trackio.json").read_text())["id"] == "id 1"


# In processes of their own: where its store is trackio asks once, when it is imported.
KILLED = """
import sys
from sparsegan.train import loop
from tiny_run import config
followed = loop.Games.after_generator_step
def killed_at_seven(games, *arguments):
    if games.step == 6:
        raise KeyboardInterrupt
    return followed(games, *arguments)
loop.Games.after_generator_step = killed_at_seven
flags = ("--log_every", "1", "--checkpoint.every", "5", "--track", "trackio", "--steps", "8")
loop.train(config(sys.argv[1], *flags, "--engine", "masked"))
"""
GOES_ON = """
import sys
from pathlib import Path
from sparsegan.train import loop
loop.resume(Path(sys.argv[1]), trust_code=True)
"""


@pytest.mark.full("trackio")
def test_the_local_store_has_every_step_of_a_killed_run_once(tmp_path):
    folder = tmp_path / "store"
    environment = {"TRACKIO_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    for script, fails in ((KILLED, True), (GOES_ON, False)):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "run")],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stderr
    [database] = folder.glob(f"{PROJECT}*.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT step, metrics FROM metrics ORDER BY id").fetchall()
    steps = [step for step, _ in rows]
    assert steps == sorted(set(steps)) == list(range(9))
    stored = {step: json.loads(metrics) for step, metrics in rows}
    assert [step for step in stored if "loss/generator" in stored[step]] == list(range(1, 9))
    assert [step for step in stored if "quality/kid-patches" in stored[step]] == [0, 5, 8]
    shown = {step: row["samples"] for step, row in stored.items() if "samples" in row}
    assert list(shown) == [0, 5, 8]
    assert all((folder / "media" / picture["file_path"]).is_file() for picture in shown.values())
