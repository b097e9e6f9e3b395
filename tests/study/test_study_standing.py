import json
from dataclasses import replace

import pytest

from sparsegan.locks import FileLock
from sparsegan.settings import parse
from sparsegan.study import standing
from sparsegan.study.standing import Record
from study_of_seconds import paths_of, start, study, write_events

NAME = "adapt/seed=0"


@pytest.fixture
def of(tmp_path):
    return study(tmp_path)


def stands(of, name=NAME):
    return standing.standing(paths_of(of, name), of.cell(name))


def begin(of, **changes):
    cell = of.cell(NAME)
    record = Record(attempts=1, settings=standing.settings(cell.config))
    standing.write(paths_of(of, NAME), replace(record, **changes))
    run = paths_of(of, NAME).run
    write_events(run, start())
    parse.write(run.config, cell.config)
    return run


def test_a_cell_waits_until_it_is_begun(of):
    assert stands(of).status == "waiting"
    begin(of)
    assert (stands(of).status, stands(of).attempts) == ("waiting", 1)


def test_a_cell_with_a_checkpoint_has_been_stopped(of):
    run = begin(of)
    run.checkpoints.mkdir()
    run.checkpoint(4).touch()
    assert stands(of).status == "stopped"


def test_a_cell_that_is_locked_is_running(of):
    begin(of)
    lock = FileLock(paths_of(of, NAME).lock)
    assert lock.acquire()
    assert stands(of).status == "running"
    lock.release()
    assert stands(of).status == "waiting"


def test_a_run_at_its_end_is_finished_whatever_was_written_down(of):
    run = begin(of, status="failed", reason="a disk")
    steps = of.cell(NAME).config.steps
    assert (stands(of).status, stands(of).reason) == ("failed", "a disk")
    write_events(run, start(), {"kind": "end", "step": steps})
    run.cost.write_text("{}")
    assert (stands(of).status, stands(of).reason) == ("finished", "")


def test_a_run_that_was_killed_before_its_report_is_not_at_its_end(of):
    run = begin(of, status="begun")
    write_events(run, start(), {"kind": "end", "step": of.cell(NAME).config.steps})
    run.report.unlink()
    assert stands(of).status != "finished"


def test_a_divergence_is_told_with_its_reason(of):
    begin(of, status="diverged", reason="the generator diverged at step 3", anew=("moved",))
    standing_now = stands(of)
    assert (standing_now.status, standing_now.anew) == ("diverged", ("moved",))
    assert standing_now.reason == "the generator diverged at step 3"


def test_other_settings_are_told_where_they_matter(of, tmp_path):
    begin(of)
    now = study(tmp_path, base={"steps": 99, "log_every": 3, "checkpoint": {"every": 2}})
    assert stands(now).status == "changed"
    assert stands(now).reason == "steps 14 -> 99"
    assert stands(study(tmp_path, base={"log_every": 3})).status == "waiting"


def test_another_method_is_another_setting(of, tmp_path):
    begin(of)
    now = study(tmp_path, arms={"adapt": {"method.name": "dense"}})
    assert "method.name adapt -> dense" in stands(now).reason


def test_settings_that_are_newer_than_the_run_were_at_their_default(of):
    begin(of)
    path = paths_of(of, NAME).record
    record = json.loads(path.read_text())
    del record["settings"]["loss.name"]
    path.write_text(json.dumps(record))
    assert stands(of).status == "waiting"


def test_without_a_record_the_run_tells_its_settings(of, tmp_path):
    begin(of)
    paths_of(of, NAME).record.unlink()
    assert stands(of).status == "waiting"
    assert stands(study(tmp_path, base={"steps": 99})).reason == "steps 14 -> 99"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"attempts": "x"}', '{"anew": 5}'])
def test_a_record_that_cannot_be_read_is_none(of, content):
    path = paths_of(of, NAME).record
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert standing.read(paths_of(of, NAME)) is None
