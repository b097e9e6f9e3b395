import os
import signal

import pytest

from sparsegan.locks import FileLock
from sparsegan.study import runner, standing, worker
from sparsegan.study.executors.base import Executor, Job
from sparsegan.study.runner import Runner
from sparsegan.study.standing import Record
from study_of_seconds import paths_of, start, study, write_events


class Together(Executor):
    """A queue: it takes all that there is at once."""

    def __init__(self):
        self.handed_in = []

    def has_room(self, task, beside=()):
        return True

    def submit(self, tasks):
        self.handed_in.append([task.cell for task in tasks])
        return [Queued() for _ in tasks]

    def close(self):
        pass


class Queued(Job):
    code = None

    def exit_code(self):
        return self.code

    def is_queued(self):
        return True

    def stop(self):
        self.code = 143


class Done(Job):
    def __init__(self, code, asked=None):
        self.code, self.stops, self.asked = code, 0, asked

    def exit_code(self):
        return self.code

    def stop(self):
        self.stops += 1
        if self.asked is not None:
            self.code = self.asked


class Pretending(Executor):
    """Takes one task at a time; what comes of a cell is what the test says, attempt by attempt."""

    def __init__(self, of, **outcomes):
        self.of, self.outcomes, self.submitted, self.jobs = of, outcomes, [], []

    def has_room(self, task, beside=()):
        return not beside and all(job.code is not None for job in self.jobs)

    def submit(self, tasks):
        (task,) = tasks
        self.submitted.append(task)
        number = sum(each.cell == task.cell for each in self.submitted) - 1
        outcomes = self.outcomes.get(task.cell, ["finished"])
        job = self.ended(task.cell, outcomes[min(number, len(outcomes) - 1)])
        self.jobs.append(job)
        return [job]

    def ended(self, name, outcome):
        cell, where = self.of.cell(name), paths_of(self.of, name)
        settings = standing.settings(cell.config)
        if outcome == "finished":
            steps = cell.config.steps
            write_events(where.run, start(), {"kind": "end", "step": steps, "seconds": 1.0})
            where.run.cost.write_text("{}")
            return Done(0)
        if outcome in ("failed", "diverged"):
            where.record.parent.mkdir(parents=True, exist_ok=True)
            standing.write(where, Record(outcome, "why", 1, settings=settings))
            return Done(2)
        if outcome == "hangs":
            return Done(None, asked=143)
        return Done(outcome)

    def close(self):
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(runner, "_TICK", 0.001)
    monkeypatch.setattr(runner, "_LOOK", 0.01)


@pytest.fixture
def of(tmp_path):
    return study(tmp_path)


def statuses(run):
    return {each.cell.name: each.standing.status for each in run.progress()}


NAMES = ["dense/seed=0", "dense/seed=1", "adapt/seed=0", "adapt/seed=1"]


def test_every_cell_is_run_once_in_order(of):
    executor = Pretending(of)
    run, seen = Runner(of, executor), []
    assert run.run(seen.append) == 0
    assert [task.cell for task in executor.submitted] == NAMES
    assert set(statuses(run).values()) == {"finished"}
    assert [each.cell.name for each in seen[0]] == NAMES
    command = executor.submitted[0].command
    assert command[-4:] == ("study", str(of.directory), "--cell", "dense/seed=0")
    again = Pretending(of)
    assert Runner(of, again).run() == 0
    assert again.submitted == []


def test_one_that_diverges_or_fails_does_not_stop_the_rest(of):
    executor = Pretending(of, **{NAMES[0]: ["diverged"], NAMES[1]: ["failed"]})
    run = Runner(of, executor)
    assert run.run() == 0
    assert len(executor.submitted) == 4
    assert list(statuses(run).values()) == ["diverged", "failed", "finished", "finished"]


def test_what_has_failed_is_tried_once_more_and_what_has_diverged_is_not(of):
    outcomes = {NAMES[0]: ["diverged"], NAMES[1]: ["failed"]}
    Runner(of, Pretending(of, **outcomes)).run()
    executor = Pretending(of, **outcomes)
    Runner(of, executor).run()
    assert [task.cell for task in executor.submitted] == [NAMES[1]]


@pytest.mark.parametrize("code", [-9, 137, 143])
def test_a_cell_whose_process_is_killed_goes_on(of, code):
    executor = Pretending(of, **{NAMES[0]: [code, code, "finished"]})
    run = Runner(of, executor)
    run.run()
    assert statuses(run)[NAMES[0]] == "finished"


def test_a_process_that_is_always_killed_is_a_failure_with_its_signal(of):
    executor = Pretending(of, **{NAMES[0]: [-9]})
    run = Runner(of, executor)
    run.run()
    assert [task.cell for task in executor.submitted].count(NAMES[0]) == 3
    (first, *_) = run.progress()
    assert first.standing.status == "failed"
    assert "signal 9" in first.standing.reason
    assert "signal 9" in standing.standing(paths_of(of, NAMES[0]), of.cells[0]).reason


def test_a_cell_that_asks_to_begin_anew_is_started_again(of):
    executor = Pretending(of, **{NAMES[0]: [worker.AGAIN, "finished"]})
    run = Runner(of, executor)
    run.run()
    assert [task.cell for task in executor.submitted].count(NAMES[0]) == 2
    assert statuses(run)[NAMES[0]] == "finished"


def test_a_cell_that_always_asks_to_begin_anew_fails_in_the_end(of):
    executor = Pretending(of, **{NAMES[0]: [worker.AGAIN]})
    run = Runner(of, executor)
    run.run()
    assert [task.cell for task in executor.submitted].count(NAMES[0]) == 3
    assert statuses(run)[NAMES[0]] == "failed"


def test_what_others_work_on_is_waited_for_and_not_run(of):
    where = paths_of(of, NAMES[0])
    where.lock.parent.mkdir(parents=True)
    lock = FileLock(where.lock)
    assert lock.acquire()
    executor = Pretending(of)
    run = Runner(of, executor)

    def finishes(progress):
        others = [each.standing.status for each in progress[1:]]
        if set(others) == {"finished"} and progress[0].standing.status == "running":
            executor.ended(NAMES[0], "finished")
            lock.release()

    assert run.run(finishes) == 0
    assert NAMES[0] not in [task.cell for task in executor.submitted]
    assert set(statuses(run).values()) == {"finished"}


def test_what_others_have_left_is_taken_over(of):
    where = paths_of(of, NAMES[0])
    where.lock.parent.mkdir(parents=True)
    lock = FileLock(where.lock)
    assert lock.acquire()
    executor = Pretending(of)
    assert Runner(of, executor).run(lambda _: lock.release()) == 0
    assert NAMES[0] in [task.cell for task in executor.submitted]


def test_a_busy_cell_is_tried_again(of):
    executor = Pretending(of, **{NAMES[0]: [worker.BUSY, worker.BUSY, "finished"]})
    run = Runner(of, executor)
    assert run.run() == 0
    assert set(statuses(run).values()) == {"finished"}


def test_a_queue_is_handed_all_at_once_and_what_is_in_it_waits(of):
    executor, seen = Together(), []
    run = Runner(of, executor)

    def asks(progress):
        seen.append({each.standing.status for each in progress})
        if len(seen) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    assert run.run(asks) == signal.SIGINT
    assert executor.handed_in == [NAMES]
    assert seen[0] == {"waiting"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_nothing_more_is_begun(of, number):
    executor = Pretending(of, **{NAMES[1]: ["hangs"]})
    run = Runner(of, executor)

    def asks(_):
        if len(executor.submitted) == 2 and not executor.jobs[1].stops:
            os.kill(os.getpid(), number)

    before, said = signal.getsignal(number), []
    assert run.run(asks, said.append) == number
    assert said == ["stopping: 1 running cell(s) save their state; asked again they end at once"]
    assert signal.getsignal(number) is before
    assert [job.stops for job in executor.jobs] == [0, 1]
    assert list(statuses(run).values()) == ["finished", "waiting", "waiting", "waiting"]


def test_a_changed_study_runs_what_has_changed(of, tmp_path):
    Runner(of, Pretending(of)).run()
    for name in NAMES:
        settings = standing.settings(of.cell(name).config)
        standing.write(paths_of(of, name), Record("finished", settings=settings))
    arms = {"dense": {"method.name": "dense"}, "adapt": {"batch_size": 4}}
    now = study(tmp_path, arms=arms, seeds=[1, 2])
    executor = Pretending(now)
    Runner(now, executor).run()
    assert [task.cell for task in executor.submitted] == [
        "dense/seed=2",
        "adapt/seed=1",
        "adapt/seed=2",
    ]
    assert now.left_out() == ["adapt/seed=0", "dense/seed=0"]
