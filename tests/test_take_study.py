"""scripts/take_study.py: a study's outcome goes to docs/results/, and what is there stays."""

import csv
import json

import pytest

from project_script import script
from sparsegan.study import standing
from study_of_seconds import paths_of, rewire, start, study, write_events

take_study = script("take_study")


def ran(folder, seeds, *, ended):
    """A study of which so many seeds have ended."""
    of = study(folder, seeds=seeds)
    rows = []
    for cell in of.cells:
        finished = int(cell.name.rpartition("=")[2]) in ended
        rows.append([cell.name, "finished" if finished else "waiting", str(folder.name)])
        if finished:
            end(of, cell)
    with (of.directory / "table.csv").open("w") as file:
        csv.writer(file).writerows([["cell", "status", "run"], *rows])
    (of.directory / "study.yaml").write_text((folder / "tiny.yaml").read_text())
    return of


def end(of, cell):
    """One cell's files, of dense training with evaluations on the way."""
    paths = paths_of(of, cell.name)
    events = [start(14), rewire(3, 30)]
    if cell.arm == "adapt":
        decision = {"action": "raise", "reason": "", "balance_ratio": 0.25, "total": 100}
        counts = {"from_active": 20, "to_active": 30}
        events.append({"kind": "decision", "step": 3, **decision, **counts})
    for step in range(2, 15, 2) if cell.arm == "dense" else ():
        events.append({"kind": "train", "step": step, "seconds": step / 2})
        events.append({"kind": "evaluate", "step": step, "metric": "kid-p", "value": 9.0 - step})
    write_events(paths.run, *events, {"kind": "end", "step": 14, "seconds": 7.0})
    paths.run.cost.write_text("{}")
    standing.write(paths, standing.Record(settings=standing.settings(cell.config)))


@pytest.fixture
def pages(tmp_path, monkeypatch):
    folder = tmp_path / "pages"
    (folder / "own").mkdir(parents=True)
    monkeypatch.setattr(take_study, "FOLDER", folder)
    return folder


def planned(pages, of):
    """The page's study file says what the folder's does."""
    (pages / "own" / "study.yaml").write_text((of.directory / "study.yaml").read_text())


def cells(path):
    return [line.partition(",")[0] for line in path.read_text().splitlines()[1:]]


def test_a_study_that_evaluates_on_the_way_is_taken_with_its_curves(tmp_path, pages):
    of = ran(tmp_path, [0], ended=[0])
    planned(pages, of)
    take_study.take(of.directory, "own", "commit")
    layers = (pages / "own" / "layers.csv").read_text().splitlines()
    assert layers[0] == "cell,network,layer,start,end"
    assert "dense/seed=0,discriminator,conv,0.2000,0.3000" in layers
    assert "dense/seed=0,generator,conv,0.2000,0.2000" in layers
    assert not any("head" in line for line in layers)
    decisions = (pages / "own" / "decisions.csv").read_text().splitlines()
    assert decisions[1:] == ["adapt/seed=0,3,raise,0.2500,0.2000,0.3000"]
    curves = (pages / "own" / "curves.csv").read_text().splitlines()
    assert curves[1:] == [
        f"dense/seed=0,{step},{step / 2},{9.0 - step}" for step in range(2, 15, 2)
    ]
    assert json.loads((pages / "own" / "run.json").read_text())["commit"] == "commit"


@pytest.fixture
def two(tmp_path, pages):
    """Two folders of one study: the first has ended seeds 0 and 2, the second 1 and 2."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    both = ran(first, [0, 1, 2], ended=[0, 2]), ran(second, [0, 1, 2], ended=[1, 2])
    planned(pages, both[0])
    return both


def contents(pages):
    return {path.name: path.read_bytes() for path in (pages / "own").iterdir()}


def test_what_another_folder_ended_stays(pages, two):
    first, second = two
    take_study.take(first.directory, "own", "commit", workers=2)
    take_study.take(second.directory, "own", "commit", workers=1)
    with (pages / "own" / "table.csv").open() as file:
        rows = {row["cell"]: row for row in csv.DictReader(file)}
    assert list(rows) == [cell.name for cell in first.cells]
    assert {row["status"] for row in rows.values()} == {"finished"}
    # What both ended is the newer folder's.
    assert {name[-1]: row["run"] for name, row in rows.items()} == {
        "0": "first",
        "1": "second",
        "2": "second",
    }
    for name in ("layers.csv", "decisions.csv", "curves.csv"):
        path = pages / "own" / name
        once = dict.fromkeys(cells(path))
        assert list(once) == [cell for cell in rows if cell in once]
        assert {cell[-1] for cell in once} == {"0", "1", "2"}
        lines = path.read_text().splitlines()
        assert len(lines) == len(set(lines))
    facts = json.loads((pages / "own" / "run.json").read_text())["machines"]
    assert [one["workers"] for one in facts] == [2, 1]


def test_what_was_written_of_a_state_of_the_program_by_hand_stays_as_long_as_it_does(pages, two):
    path = pages / "own" / "run.json"
    take_study.take(two[0].directory, "own", "commit")
    by_hand = {"note": "stopped", "against": "held-out images"}
    path.write_text(json.dumps({**json.loads(path.read_text()), **by_hand}))
    take_study.take(two[1].directory, "own", "commit")
    assert by_hand.items() <= json.loads(path.read_text()).items()
    of = ran(two[0].directory.parents[1], [0, 1, 2], ended=[0, 1, 2])
    take_study.take(of.directory, "own", "another")
    assert json.loads(path.read_text()).keys() == {"commit", "machines"}


def test_a_finished_cell_is_not_lost_to_one_that_failed(pages, two):
    first, second = two
    take_study.take(first.directory, "own", "commit")
    table = second.directory / "table.csv"
    table.write_text(table.read_text().replace("seed=2,finished", "seed=2,failed"))
    take_study.take(second.directory, "own", "commit")
    with (pages / "own" / "table.csv").open() as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"finished"}


def test_cells_of_two_states_of_the_program_do_not_mix(pages, two):
    first, second = two
    take_study.take(first.directory, "own", "commit")
    before = contents(pages)
    with pytest.raises(take_study.TakeError, match="has cells that commit ran"):
        take_study.take(second.directory, "own", "other")
    assert contents(pages) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("settings", "base differ"),
        ("unplanned", "own has no study.yaml: a study is planned"),
        ("cells alone", "has no study.yaml: copy the one"),
        ("shorter", "knows nothing of: .*seed=2"),
        ("seconds", "has no seconds at step"),
    ],
)
def test_what_cannot_be_taken_leaves_the_page_as_it_is(pages, two, change, says):
    first, second = two
    take_study.take(first.directory, "own", "commit")
    study_file, table = second.directory / "study.yaml", second.directory / "table.csv"
    if change == "settings":
        study_file.write_text(study_file.read_text().replace("steps: 14", "steps: 15"))
    elif change == "unplanned":
        (pages / "own" / "study.yaml").unlink()
    elif change == "cells alone":
        study_file.unlink()
    elif change == "shorter":
        table.write_text("".join(x for x in table.open() if "seed=2" not in x))
    else:
        log = paths_of(second, "dense/seed=1").run.metrics
        log.write_text("".join(x for x in log.open() if '"train", "step": 8' not in x))
    before = contents(pages)
    with pytest.raises(take_study.TakeError, match=says):
        take_study.take(second.directory, "own", "commit")
    assert contents(pages) == before


def test_nothing_is_taken_of_a_study_of_which_no_cell_has_ended(pages, two):
    table = two[0].directory / "table.csv"
    table.write_text(table.read_text().replace("finished", "running"))
    before = contents(pages)
    with pytest.raises(take_study.TakeError, match=r"no cell of .* has ended yet"):
        take_study.take(two[0].directory, "own", "commit")
    assert contents(pages) == before
