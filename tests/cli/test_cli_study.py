"""The command `sparsegan study`, on cells that pretend."""

from pathlib import Path

import pytest

from sparsegan import cli
from sparsegan.plan.pilot import Pilot
from sparsegan.study import forecast, load, runner, standing, worker
from sparsegan.study.executors import local
from sparsegan.study.executors.base import Job
from sparsegan.study.standing import Record, Standing
from sparsegan.train.stop import Interrupted
from study_of_seconds import evaluation, paths_of, start, study, write_events


class Instant(local.LocalExecutor):
    """Cells are finished as soon as they are handed in."""

    def submit(self, tasks):
        for task in tasks:
            finish(Instant.of, task.cell)
        return [Ended() for _ in tasks]


class Ended(Job):
    def exit_code(self):
        return 0

    def stop(self):
        pass


def finish(of, name, value=0.25):
    cell, run = of.cell(name), paths_of(of, name).run
    steps = cell.config.steps
    values = [evaluation(round(part * steps), value) for part in (0.9, 0.95, 1.0)]
    write_events(run, start(), *values, {"kind": "end", "step": steps, "seconds": 3.0})
    run.cost.write_text("{}")
    standing.write(
        paths_of(of, name), Record("finished", "", 1, (), standing.settings(cell.config))
    )


@pytest.fixture
def of(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_TICK", 0.001)
    monkeypatch.setattr(local, "LocalExecutor", Instant)
    monkeypatch.setattr(forecast.Pilots, "of", lambda *_: Pilot(0.5, 2.0))
    monkeypatch.setattr(Instant, "of", study(tmp_path), raising=False)
    return Instant.of


def test_a_dry_run_says_what_would_be_run_and_writes_nothing(of, capsys):
    assert cli.main(["study", str(of.origin), "--dry_run", "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert "study tiny: 4 cells of 2 arms, 2 seeds" in said
    assert "4 waiting" in said
    assert "4 cells to run: about" in said
    assert "with 2 at a time" in said
    assert not of.directory.exists()


def test_the_report_is_written_of_what_is_there_and_nothing_is_run(of, capsys):
    finish(of, "dense/seed=0")
    assert cli.main(["study", str(of.origin), "--report"]) == 0
    page = of.directory / "index.html"
    assert capsys.readouterr().out.strip() == str(page)
    assert "1 of 4 cells finished, 3 waiting." in page.read_text()
    for name in ("table.csv", "table.md", "results.json"):
        assert (of.directory / name).is_file()


def test_a_study_is_run_and_then_there_is_nothing_to_do(of, capsys):
    assert cli.main(["study", str(of.origin), "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert "dense/seed=0: finished" in said
    assert "2 of 2" in said
    assert "0.2500 ± 0.0000" in said
    assert [row["status"] for row in load(of.origin)] == ["finished"] * 4
    assert cli.main(["study", str(of.directory)]) == 0
    said = capsys.readouterr().out
    assert "4 finished" in said
    assert "to run" not in said


def test_a_changed_study_says_what_it_begins_anew_and_what_it_leaves_out(of, tmp_path, capsys):
    cli.main(["study", str(of.origin)])
    study(tmp_path, base={"steps": 20, "evaluate": {"every": 5}}, seeds=[1])
    capsys.readouterr()
    assert cli.main(["study", str(of.origin), "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "dense/seed=1 begins anew, its settings have changed: steps 14 -> 20" in said
    assert "2 cells of the folder no longer in the study" in said
    assert "adapt/seed=0" in said


def test_without_a_study_those_of_the_package_are_listed(capsys):
    assert cli.main(["study"]) == 0
    assert "fashion-mnist" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["fashion-mnst"], "did you mean fashion-mnist?"),
        (["fashion-mnist", "--cell", "adapt/seed=9"], "did you mean adapt/seed="),
        (["fashion-mnist", "--wrkers", "2"], "did you mean --workers?"),
        (["fashion-mnist", "--workers", "0"], "at least 1"),
        (["fashion-mnist", "--workers", "2", "--on", "ray"], "on ray cells wait in a queue"),
        (["fashion-mnist", "--slurm", "time=5"], "add --on slurm"),
        (["fashion-mnist", "--on", "slurm", "--slurm", "time"], "OPTION=VALUE, and time is none"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(options, sentence, capsys):
    assert cli.main(["study", *options]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "code", "sentence"),
    [
        (Standing("finished", "", 1, ()), 0, ""),
        (Standing("diverged", "at step 3", 1, ()), 2, "dense/seed=0 has diverged: at step 3"),
        (worker.BusyError("another process"), worker.BUSY, "another process"),
        (worker.AgainError("anew"), worker.AGAIN, "anew"),
        (Interrupted(15, 7, Path("run")), 143, "stopped by SIGTERM after step 7"),
    ],
)
def test_one_cell_is_worked_on_in_this_process(of, outcome, code, sentence, capsys, monkeypatch):
    def work(study, cell, console, *, trust_code):
        assert (study.directory, cell.name, trust_code) == (of.directory, "dense/seed=0", False)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(worker, "work", work)
    assert cli.main(["study", str(of.origin), "--cell", "dense/seed=0"]) == code
    assert sentence in capsys.readouterr().err
