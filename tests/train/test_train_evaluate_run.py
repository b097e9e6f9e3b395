"""The generator of a finished run beside real images, as the run did it and otherwise."""

import pytest

from sparsegan.errors import SparseganError
from sparsegan.record import evaluations
from sparsegan.record.metrics_log import read_events
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.loop import train
from tiny_run import config

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def run(quick_runs, tmp_path_factory):
    directory = tmp_path_factory.mktemp("evaluated") / "run"
    flags = ("--steps", "2", "--evaluate.images", "60", "--engine", "masked")
    return train(config(directory, *flags))


def test_fresh_images_are_others_and_always_the_same(run):
    as_before, fresh, again = (
        evaluate_run(run.path, fresh=fresh, trust_code=True)[0] for fresh in (False, True, True)
    )
    events = read_events(run.metrics)
    *_, recorded = (each for each in events if each["kind"] == "evaluate")
    assert as_before.value == recorded["value"]
    assert fresh.value == again.value != as_before.value
    assert fresh.floor == as_before.floor


def test_other_numbers_of_a_run_that_has_not_had_them(run):
    (event,) = evaluate_run(run.path, numbers=["kid", "classes"], trust_code=True)
    assert event.classes_seen is not None
    with pytest.raises(SparseganError, match=r"evaluate\.metrics is \['fid'\]: it must be a list"):
        evaluate_run(run.path, numbers=["fid"], trust_code=True)
    with pytest.raises(SparseganError, match="name each number once, and kid among them"):
        evaluate_run(run.path, numbers=["classes"], trust_code=True)


def test_another_state_and_other_weights_are_drawn_from_where_they_are_named(run):
    usual = evaluate_run(run.path, trust_code=True)[0]
    first = evaluate_run(run.path, checkpoint=0, trust_code=True)[0]
    live = evaluate_run(run.path, weights="live", bn="batch", trust_code=True)[0]
    assert (usual.step, usual.weights, usual.bn) == (2, "ema", "standing")
    assert (first.step, live.weights, live.bn) == (0, "live", "batch")
    assert len({each.value for each in (usual, first, live)}) == 3


def test_other_features_and_as_many_images_as_are_wanted(run):
    few = evaluate_run(run.path, images=20, features="tiny_run:Patches", trust_code=True)[0]
    assert (few.n, few.metric) == (20, "kid-patches")


def test_an_evaluation_is_kept_in_the_run_where_that_is_wanted_and_possible(run, caplog):
    (event,) = evaluate_run(run.path, fresh=True, keep=True, trust_code=True)
    assert evaluations.read(run.path) == [event]
    assert event.fresh
    run.evaluations.unlink()
    run.evaluations.mkdir()
    assert evaluate_run(run.path, fresh=True, keep=True, trust_code=True)[0].value == event.value
    assert "the evaluation is not kept in the run: cannot write" in caplog.text
    run.evaluations.rmdir()


def test_nothing_is_written(run):
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    evaluate_run(run.path, trust_code=True)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before
