import pytest

from sparsegan.train import clock


@pytest.fixture
def now(monkeypatch):
    times = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: times[0])

    def advance(seconds):
        times[0] += seconds

    return advance


def test_only_training_counts(now):
    watch = clock.Clock(seconds=10.0)
    now(1000)
    assert watch.seconds == 10
    watch.start(step=5)
    now(2)
    with watch.paused():
        now(50)
        assert watch.seconds == 12
    now(2)
    assert watch.seconds == 14
    assert watch.lap(step=13) == pytest.approx(2.0)  # 8 steps in 4 seconds
    now(1)
    assert watch.lap(step=14) == pytest.approx(1.0)
    watch.stop()
    now(1000)
    assert watch.seconds == 15
