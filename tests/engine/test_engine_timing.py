import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sparsegan import engine
from sparsegan.engine import timing
from sparsegan.locks import FileLock

needs_kernels = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@pytest.fixture
def clock(monkeypatch):
    """A clock that jobs move on by hand."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def job(*seconds):
        """A job that takes these seconds, one after the other, and then the last of them."""
        left = list(seconds)

        def run():
            now[0] += left.pop(0) if len(left) > 1 else left[0]
            job.calls += 1

        return run

    job.calls = 0
    return job


def test_the_median_is_of_rounds_in_turn_after_a_warm_up(clock):
    jobs = [clock(8.0, 1.0, 5.0, 2.0), clock(8.0, 3.0)]
    assert timing.medians(jobs, 4.0) == [2.0, 3.0]
    assert clock.calls == 2 * (1 + 3)


@pytest.mark.parametrize(
    ("took", "seconds", "rounds"),
    [
        (0.001, 0.1, timing.MOST),  # quick: enough is enough
        (0.0625, 0.5, 8),  # as long as wanted
        (0.25, 0.125, 2),  # slow: four times as long as wanted is enough
        (9.0, 0.1, 0),  # the first, which warms up, took long enough
        (9.0, 0.0, 0),
    ],
)
def test_how_many_rounds_there_are(clock, took, seconds, rounds):
    assert timing.medians([clock(took)], seconds) == [pytest.approx(took)]
    assert clock.calls == 1 + rounds


def test_seconds_are_a_line_over_density_that_noise_does_not_turn_round():
    fixed, slope = timing.line((0.1, 2.0), (0.5, 4.0))
    assert timing.Fit(9.0, fixed, slope).native(0.1) == pytest.approx(2.0)
    assert timing.Fit(9.0, fixed, slope).native(1.0) == pytest.approx(6.5)
    assert timing.line((0.5, 4.0), (0.1, 2.0)) == pytest.approx((fixed, slope))
    assert timing.line((0.1, 2.0), (0.5, 1.9)) == (2.0, 0.0)
    assert timing.line((0.1, 1.0), (0.5, 9.0)) == (0.0, 20.0)


@needs_kernels
def test_a_table_is_kept_for_one_thing_and_one_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))
    tables = [torch.tensor([float(i)], dtype=torch.float64) for i in range(5)]
    measured = iter(tables)

    def kept(what, **options):
        return timing.kept(what, lambda: next(measured), **options)

    assert kept("a") is tables[0]
    assert torch.equal(kept("a"), tables[0])
    assert kept("b") is tables[1]
    assert kept("a", anew=True) is tables[2]
    assert torch.equal(kept("a"), tables[2])
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert kept("a") is tables[3]
    finally:
        torch.set_num_threads(threads)


@needs_kernels
def test_of_two_at_once_one_measures_and_both_have_its_table(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))
    measuring, go_on = threading.Event(), threading.Event()

    def measure():
        measuring.set()
        assert go_on.wait(60)
        return torch.ones(1, dtype=torch.float64)

    def never():
        raise AssertionError("the other one measures")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(timing.kept, "a", measure)
        assert measuring.wait(60)
        second = pool.submit(timing.kept, "a", never)
        while not caplog.records:  # until it says that it waits
            assert not second.done()
        go_on.set()
        assert torch.equal(first.result(), second.result())
    assert "another process is timing kernels" in caplog.text


@needs_kernels
def test_nobody_waits_for_ever_nor_for_a_lock_that_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(timing, "PATIENCE", 0.1)
    (tmp_path / "engine").mkdir()
    holder = FileLock(tmp_path / "engine" / "measuring.lock")
    assert holder.acquire()
    table = torch.ones(1, dtype=torch.float64)
    assert timing.kept("a", lambda: table) is table
    holder.release()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "file"))
    assert timing.kept("a", lambda: table) is table
