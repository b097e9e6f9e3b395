import pytest

from sparsegan.errors import SparseganError
from sparsegan.plan.pilot import Pilot
from sparsegan.study import forecast as module
from sparsegan.study.forecast import Forecast, forecast
from sparsegan.study.progress import Progress
from sparsegan.study.standing import Standing
from sparsegan.train.learner import DivergedError
from study_of_seconds import study


@pytest.fixture
def timed(monkeypatch):
    """A dense step takes 2 s and any other 1 s; an evaluation takes 10 s."""
    seen = []

    def of(self, config):
        seen.append(config)
        if config.batch_size == 7:
            raise DivergedError("at once")
        if config.batch_size == 6:
            raise SparseganError("there is no such device")
        return Pilot(2.0 if config.method.name == "dense" else 1.0, 10.0)

    monkeypatch.setattr(module.Pilots, "of", of)
    return seen


def left(of, **done):
    return [
        Progress(cell, Standing("waiting", "", 0, ()), done.get(cell.arm, 0), None, None)
        for cell in of.cells
    ]


def test_each_point_is_timed_once_and_the_rest_is_counted(timed, tmp_path):
    of = study(tmp_path, base={"steps": 20, "evaluate": {"every": 10}})
    forecasted = forecast(of, left(of, adapt=10))
    assert [config.method.name for config in timed] == ["dense", "adapt"]
    whole = module.START + 20 * 2 + 5 * 10  # at 0, 10, 18, 19 and 20
    rest = module.START + 10 * 1 + 4 * 10  # the evaluation at step 10 may be still to come
    assert forecasted.seconds == {
        "dense/seed=0": whole,
        "dense/seed=1": whole,
        "adapt/seed=0": rest,
        "adapt/seed=1": rest,
    }


def test_what_diverges_at_once_takes_no_time_and_stops_nothing(timed, tmp_path):
    of = study(tmp_path, axes={"batch_size": [7, 8]})
    forecasted = forecast(of, left(of))
    assert forecasted.seconds["dense,batch_size=7/seed=0"] == module.START
    assert forecasted.seconds["dense,batch_size=8/seed=0"] > module.START


def test_what_cannot_be_trained_is_named(timed, tmp_path):
    of = study(tmp_path, axes={"batch_size": [8, 6]})
    with pytest.raises(SparseganError, match=r"^dense,batch_size=6 cannot be trained: there is no"):
        forecast(of, left(of))


def test_of_a_large_study_the_first_point_of_each_arm_is_timed(timed, tmp_path):
    of = study(tmp_path, axes={"batch_size": list(range(10, 40))})
    forecasted = forecast(of, left(of))
    assert len(timed) == 2
    assert len(forecasted.seconds) == len(of.cells)
    assert (
        forecasted.seconds["dense,batch_size=39/seed=1"]
        > forecasted.seconds["adapt,batch_size=39/seed=1"]
    )


def test_cells_fill_the_workers(tmp_path):
    seconds = {"a": 5.0, "b": 3.0, "c": 4.0}
    forecasted = Forecast({}, seconds)
    assert [forecasted.total(workers) for workers in (1, 2, 3, 9)] == [12, 7, 5, 5]
