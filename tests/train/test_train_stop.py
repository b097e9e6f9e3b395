"""Signals of this process; who waits for whom is in the tests of two ranks."""

import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparsegan.record.run import RunDirectory
from sparsegan.train.stop import Interrupted, StopRequest

ALONE = SimpleNamespace(world_size=1)


@pytest.fixture
def previous():
    """What a first SIGTERM would have done without a stop request."""
    signals = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)


def test_the_first_signal_is_remembered_and_the_second_is_as_usual(previous):
    with StopRequest() as request:
        assert request.agreed(ALONE) == 0
        signal.raise_signal(signal.SIGTERM)
        assert request.agreed(ALONE) == signal.SIGTERM
        assert previous == []
        signal.raise_signal(signal.SIGTERM)
        assert previous == [signal.SIGTERM]
    signal.raise_signal(signal.SIGTERM)
    assert previous == [signal.SIGTERM] * 2


def test_without_a_signal_the_handlers_are_what_they_were(previous):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_in_another_thread_signals_keep_their_effect(previous):
    def elsewhere():
        with StopRequest():
            handlers.append(signal.getsignal(signal.SIGTERM))

    handlers, before = [], signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert handlers == [before]


@pytest.fixture
def heard():
    """Ctrl-C as at a terminal; where tests run in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("steps", "says"), [([0, 500], "from step 500"), ([], "before anything")])
def test_each_signal_says_what_it_does_to_the_run(tmp_path, capfd, steps, says):
    run = RunDirectory(tmp_path / "my run")
    run.checkpoints.mkdir(parents=True)
    for step in steps:
        run.checkpoint(step).touch()

    def interrupted_twice():
        with StopRequest(run):
            signal.raise_signal(signal.SIGINT)
            assert "a second time stops at once" in capfd.readouterr().err
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    said = capfd.readouterr().err
    assert says in said
    assert (f"sparsegan resume '{run.path}'" in said) == bool(steps)


def test_a_stop_names_signal_and_step():
    stop = Interrupted(signal.SIGINT, 12, Path("run"))
    assert str(stop) == "stopped by SIGINT after step 12"
    assert (stop.signal, stop.run) == (signal.SIGINT, Path("run"))
