import json

from sparsegan.study.progress import Follower
from sparsegan.study.standing import Standing
from study_of_seconds import evaluation, paths_of, start, study, write_events

NAME = "dense/seed=0"
RUNNING = Standing("running", "", 1, ())


def train(step, rate):
    return {"kind": "train", "step": step, "steps_per_second": rate}


def test_new_lines_are_read_as_they_come(tmp_path):
    of = study(tmp_path, base={"steps": 40})
    run = paths_of(of, NAME).run
    follower = Follower(paths_of(of, NAME), of.cell(NAME))
    first = follower.read(RUNNING)
    assert (first.step, first.rate, first.value, first.seconds_left) == (0, None, None, None)
    write_events(run, start(), train(5, 2.5), evaluation(5, 0.3))
    second = follower.read(RUNNING)
    assert (second.step, second.rate, second.value, second.seconds_left) == (5, 2.5, 0.3, 14.0)
    with run.metrics.open("a") as file:
        file.write(json.dumps(train(10, 4.0)) + '\n{"kind": "train", "st')
        file.flush()
        assert (follower.read(RUNNING).step, follower.rate) == (10, 4.0)
        file.write('ep": 12, "steps_per_second": 5.0}\nrubbish\n')
    assert (follower.read(RUNNING).step, follower.rate) == (12, 5.0)


def test_a_run_that_begins_anew_is_read_anew(tmp_path):
    of = study(tmp_path)
    run = paths_of(of, NAME).run
    follower = Follower(paths_of(of, NAME), of.cell(NAME))
    write_events(run, start(), train(5, 2.5))
    assert follower.read(RUNNING).step == 5
    run.metrics.unlink()
    assert follower.read(RUNNING).step == 0
    write_events(run, start())
    assert follower.read(RUNNING).step == 0
