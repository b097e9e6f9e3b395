import json
from dataclasses import replace

import pytest

from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.locks import FileLock
from sparsegan.record import evaluations
from sparsegan.record.checkpoint import load_state
from sparsegan.record.run_cost import StepSeconds
from sparsegan.study import load, standing, worker
from sparsegan.study.worker import BusyError, work
from sparsegan.train import loop, state, timing
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.stop import Interrupted
from study_of_seconds import paths_of, study
from tiny_run import differences

NAME = "adapt/seed=0"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sampling, "STANDING_BATCHES", 2)
    monkeypatch.setattr(timing, "compare", lambda *_, **__: StepSeconds(0.1, 0.2, 3))


@pytest.fixture
def of(tmp_path):
    return study(tmp_path, base={"steps": 8, "evaluate": {"every": 7}})


def stopped(of, step, monkeypatch):
    """A cell whose worker was asked to stop after a step."""
    advance = loop.ProgressDisplay.advance
    seen = []

    def asks(self, at):
        advance(self, at)
        if at == step:
            seen[0]._number = 15

    init = loop.StopRequest.__init__
    with monkeypatch.context() as patch:
        patch.setattr(
            loop.StopRequest, "__init__", lambda self, run: (init(self, run), seen.append(self))[0]
        )
        patch.setattr(loop.ProgressDisplay, "advance", asks)
        with pytest.raises(Interrupted):
            work(of, of.cell(NAME))


def last(of):
    return load_state(paths_of(of, NAME).run.checkpoint(of.cell(NAME).config.steps))


def test_a_cell_is_an_ordinary_run_and_a_row(of):
    assert work(of, of.cell(NAME)).status == "finished"
    run = paths_of(of, NAME).run
    assert run.is_finished()
    assert run.report.is_file()
    assert f"# {NAME} of the study tiny" in run.config.read_text()
    assert not paths_of(of, NAME).lock.exists()
    row = next(row for row in load(of.origin) if row["cell"] == NAME)
    assert (row["status"], row["step"], row["evaluations"]) == ("finished", 8, 2)  # 90 % of 8 is 7
    assert row["primary"] is not None
    (again,) = evaluate_run(run.path, checkpoint="best", fresh=True, trust_code=True)
    assert row["best_fresh"] == again.value != row["best"]
    # It is kept in the run, and read from there where the cell is worked on again.
    (kept,) = evaluations.read(run.path)
    assert (kept.fresh, kept.value, kept.step) == (True, again.value, run.best_step())
    evaluations.forget_after(run.path, -1)
    evaluations.add(run.path, [replace(kept, value=7.0)])
    assert worker._best_fresh(paths_of(of, NAME)) == 7.0
    evaluations.forget_after(run.path, -1)
    others = [replace(kept, value=7.0, n=3), replace(kept, value=7.0, fresh=None)]
    evaluations.add(run.path, others)
    assert worker._best_fresh(paths_of(of, NAME)) == again.value
    cost = json.loads(run.cost.read_text())
    assert row["operations"] == cost["flops"]["consistent"]["run"]
    assert row["generator_weights"] == cost["weights"]["generator"]["active_end"]
    assert row["generator_weights_dense"] == cost["weights"]["generator"]["total"]
    densities = load(of.origin).series(row)["generator_density"]
    assert densities[-1] == (8, pytest.approx(row["generator_density"]))


def test_a_finished_cell_is_left_as_it_is(of):
    work(of, of.cell(NAME))
    files = {path: path.stat().st_mtime_ns for path in of.directory.rglob("*") if path.is_file()}
    assert work(of, of.cell(NAME)).status == "finished"
    assert files == {p: p.stat().st_mtime_ns for p in of.directory.rglob("*") if p.is_file()}


def test_a_stopped_cell_goes_on_to_the_same_bits(of, tmp_path, monkeypatch):
    stopped(of, 5, monkeypatch)
    assert standing.standing(paths_of(of, NAME), of.cell(NAME)).status == "stopped"
    result = work(of, of.cell(NAME))
    assert (result.status, result.attempts, result.anew) == ("finished", 2, ())
    (tmp_path / "other").mkdir()
    whole = study(tmp_path / "other", base={"steps": 8, "evaluate": {"every": 7}})
    work(whole, whole.cell(NAME))
    assert differences(last(of), last(whole)) == []


def test_a_cell_that_cannot_go_on_to_the_same_bits_begins_anew(of, monkeypatch):
    stopped(of, 5, monkeypatch)
    conditions = state.conditions

    def elsewhere(games):
        return {**conditions(games), "instruction set": "another"}

    monkeypatch.setattr(state, "conditions", elsewhere)
    result = work(of, of.cell(NAME))
    assert (result.status, len(result.anew)) == ("finished", 1)
    assert "instruction set" in result.anew[0]
    assert "--inexact" not in result.anew[0]
    assert "set-aside/adapt/seed=0-1" in result.anew[0]
    aside = of.directory / "set-aside" / "adapt" / "seed=0-1"
    assert (aside / "metrics.jsonl").is_file()
    row = next(row for row in load(of.origin) if row["cell"] == NAME)
    assert "instruction set" in row["anew"]


def test_a_cell_of_several_processes_begins_anew_with_new_ones(of, monkeypatch):
    stopped(of, 5, monkeypatch)

    def refuses(*_, **__):
        raise state.ConditionsError("another machine")

    monkeypatch.setattr(loop, "resume", refuses)
    monkeypatch.setattr(worker, "_is_alone", lambda _: False)
    with pytest.raises(worker.AgainError):
        work(of, of.cell(NAME))
    assert paths_of(of, NAME).run.is_vacant()
    assert standing.standing(paths_of(of, NAME), of.cell(NAME)).status == "waiting"


def test_a_cell_of_changed_settings_begins_anew(of, tmp_path):
    work(of, of.cell(NAME))
    now = study(tmp_path, base={"steps": 9, "evaluate": {"every": 7}})
    assert standing.standing(paths_of(now, NAME), now.cell(NAME)).status == "changed"
    result = work(now, now.cell(NAME))
    assert result.status == "finished"
    assert "steps 8 -> 9" in result.anew[0]
    assert (now.directory / "set-aside" / "adapt" / "seed=0-1" / "cost.json").is_file()


def test_a_cell_that_diverges_is_written_down_and_not_run_again(tmp_path):
    rate = {"optimiser": {"generator": {"lr": 1e20}, "discriminator": {"lr": 1e20}}}
    of = study(tmp_path, base={"steps": 8, **rate})
    result = work(of, of.cell(NAME))
    assert result.status == "diverged"
    assert "diverged at step" in result.reason
    assert work(of, of.cell(NAME)).attempts == 1


def test_a_cell_that_fails_is_written_down_and_tried_again(of, monkeypatch):
    def fails(*_, **__):
        raise SparseganError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", fails)
        result = work(of, of.cell(NAME))
    assert (result.status, result.reason) == ("failed", "the disk is full")
    result = work(of, of.cell(NAME))
    assert (result.status, result.reason, result.attempts) == ("finished", "", 2)


def test_a_defect_is_written_down_and_raised(of, monkeypatch):
    monkeypatch.setattr(loop, "train", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work(of, of.cell(NAME))
    assert "ZeroDivisionError" in standing.standing(paths_of(of, NAME), of.cell(NAME)).reason


def test_a_cell_that_another_process_works_on_is_left_to_it(of, monkeypatch):
    monkeypatch.setattr(worker, "_PATIENCE", 0.1)
    paths_of(of, NAME).lock.parent.mkdir(parents=True)
    lock = FileLock(paths_of(of, NAME).lock)
    assert lock.acquire()
    with pytest.raises(BusyError):
        work(of, of.cell(NAME))
    worker.note_failure(paths_of(of, NAME), of.cell(NAME), "killed")
    assert standing.read(paths_of(of, NAME)) is None


def test_a_cell_that_is_resumed_by_hand_is_left_to_it(of, monkeypatch):
    stopped(of, 5, monkeypatch)
    lock = FileLock(paths_of(of, NAME).run.lock)
    assert lock.acquire()
    with pytest.raises(BusyError):
        work(of, of.cell(NAME))


def test_an_end_without_a_word_is_written_down(of):
    worker.note_failure(paths_of(of, NAME), of.cell(NAME), "killed")
    result = standing.standing(paths_of(of, NAME), of.cell(NAME))
    assert (result.status, result.reason, result.attempts) == ("failed", "killed", 1)
    worker.note_failure(paths_of(of, NAME), of.cell(NAME), "killed again")
    assert standing.standing(paths_of(of, NAME), of.cell(NAME)).reason == "killed"


def test_code_that_nobody_trusts_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))
    of = study(tmp_path, base={"steps": 8})
    config = of.cell(NAME).config
    own = replace(config, evaluate=replace(config.evaluate, features="other.py:F"))
    (tmp_path / "other.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SparseganError, match="names code to run"):
        work(of, replace(of.cell(NAME), config=own))


@pytest.mark.parametrize(
    ("code", "text", "sentence"),
    [
        (-9, "", "ended by signal 9"),
        (137, "", "ended by signal 9"),
        (2, "a\nsparsegan: error: no such thing\n", "exit code 2: no such thing"),
        (1, "", "it said nothing"),
    ],
)
def test_why_a_process_has_ended(code, text, sentence, tmp_path):
    output = tmp_path / "log"
    output.write_text(text)
    assert sentence in worker.reason_of(code, output)
