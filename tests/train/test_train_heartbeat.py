"""Two heartbeats in one process, connected as those of two processes are."""

import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from sparsegan.errors import SparseganError
from sparsegan.train import heartbeat
from sparsegan.train.heartbeat import Heartbeat, LostProcessError
from sparsegan.train.stop import Interrupted


class Link:
    """What one Fabric would broadcast to the other."""

    def __init__(self):
        self.sent, self.there = None, threading.Event()

    def broadcast(self, value):
        if value[0]:
            self.sent = value
            self.there.set()
        assert self.there.wait(10)
        return self.sent


@pytest.fixture
def pair(monkeypatch):
    """The heartbeats of a first and a second process, connected and not yet started."""
    monkeypatch.setattr(heartbeat, "_TICK", 0.02)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    both, link = [Heartbeat(rank, 2, timeout=0.4) for rank in (0, 1)], Link()
    threads = [threading.Thread(target=each.connect, args=(link,)) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield both
    for each in both:
        each.leave(None)
        for peer in list(each._peers.values()):
            peer.close()


def beating(*hearts):
    for each in hearts:
        threading.Thread(target=each.beat, daemon=True).start()


def said(each, error=None):
    """What a process says whose collective operation has failed."""
    raised = each.leave(error or RuntimeError("gloo: Connection closed by peer"))
    assert isinstance(raised, LostProcessError)
    return raised


def test_the_living_are_not_lost_however_long_they_take(pair):
    beating(*pair)
    assert not pair[0]._lost.wait(1.2)  # three times the time-out
    assert not pair[1]._lost.is_set()


def test_one_that_is_silent_is_lost_and_the_run_to_go_on_with_is_named(pair, tmp_path):
    pair[0].run_path = tmp_path
    beating(pair[0])
    assert pair[0]._lost.wait(10)
    reported = str(said(pair[0]))
    assert reported.startswith("process 1 (of 2, from 0) has given no sign of life for 0.4 seconds")
    assert f"go on with `sparsegan resume {tmp_path}`" in reported
    assert said(pair[0]).exit_code == 3


def test_one_that_is_gone_is_noticed_at_once(pair):
    pair[0].timeout = 1000
    beating(pair[0])
    pair[1]._peers[0].close()
    assert pair[0]._lost.wait(10)
    assert "process 1 (of 2, from 0) is gone" in str(said(pair[0]))


def test_one_that_leaves_in_peace_is_not_missed(pair, tmp_path):
    beating(*pair)
    interrupted = Interrupted(15, 3, tmp_path)
    assert pair[1].leave(interrupted) is interrupted
    assert not pair[0]._lost.wait(0.6)


def test_an_error_of_one_is_told_by_that_one_and_the_first_says_how_to_go_on(pair):
    beating(*pair)
    error = ValueError("mine")
    assert pair[1].leave(error) is error
    assert pair[0]._lost.wait(10)
    assert "process 1 (of 2, from 0) ended with an error, which it has told" in str(said(pair[0]))


def test_what_the_first_has_told_is_not_told_again(pair):
    beating(*pair)
    pair[0].leave(ValueError("mine"))
    assert pair[1]._lost.wait(10)
    assert said(pair[1]).reported


@pytest.mark.parametrize("common", [True, False])
def test_an_error_that_all_have_is_told_by_the_first_alone(pair, common):
    beating(*pair)
    if common:
        pair[0].leave(SparseganError("no such thing"))
    error = SparseganError("no such thing")
    assert pair[1].leave(error) is error
    assert error.reported == common


def test_errors_of_ones_own_stay_what_they_are(pair):
    beating(*pair)
    error = RuntimeError("out of memory")
    assert pair[0].leave(error) is error


def test_an_error_of_the_connection_alone_is_a_loss(pair):
    beating(*pair)
    assert "lost each other (gloo: timed out)" in str(
        said(pair[0], RuntimeError("gloo: timed out"))
    )


def test_the_others_wait_for_what_the_first_does_alone(pair):
    beating(*pair)
    done = threading.Event()
    waiting = threading.Thread(target=lambda: (pair[1].first_is_done(), done.set()))
    waiting.start()
    assert not done.wait(0.3)
    pair[0].first_is_done()
    assert done.wait(10)


def test_who_waits_for_a_lost_one_is_told(pair):
    beating(pair[1])
    pair[0]._peers[1].close()
    with pytest.raises(LostProcessError, match="process 0"):
        pair[1].first_is_done()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL, as systems do"),
        ("import os; os.kill(os.getpid(), 15)", "was killed by SIGTERM, so"),
        ("raise SystemExit(7)", "ended with exit code 7, so"),
    ],
)
def test_before_they_are_connected_the_first_watches_those_it_has_started(code, says, monkeypatch):
    monkeypatch.setattr(heartbeat, "_TICK", 0.02)
    child = subprocess.Popen([sys.executable, "-c", code])
    first = Heartbeat(0, 2, 60, [child])
    beating(first)
    assert first._lost.wait(20)
    assert f"process 1 (of 2, from 0) {says}" in (reported := str(said(first)))
    assert "start the run again" in reported


def test_none_outlives_the_first(monkeypatch):
    monkeypatch.setattr(heartbeat, "_TICK", 0.02)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    first = Heartbeat(0, 2, 60, [child])
    first.leave(ValueError("mine"))
    assert child.returncode == -9


def test_a_parent_that_is_gone_is_noticed(monkeypatch):
    monkeypatch.setattr(heartbeat, "_TICK", 0.02)
    orphan = Heartbeat(1, 2, 60, parent=1 << 30)
    beating(orphan)
    assert orphan._lost.wait(10)
    assert "the process that started this one is gone" in str(said(orphan))


def test_a_stranger_on_the_port_is_not_taken_for_a_process(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    link = Link()
    first, second = Heartbeat(0, 2, 60), Heartbeat(1, 2, 60)
    threads = [threading.Thread(target=first.connect, args=(link,))]
    threads[0].start()
    assert link.there.wait(10)
    with socket.create_connection(("127.0.0.1", link.sent[0])) as stranger:
        stranger.sendall(b"?" * 36)
        assert stranger.recv(1) == b""
    second.connect(link)
    threads[0].join()
    assert list(first._peers) == [1]


def test_work_without_other_processes_is_left_alone():
    @heartbeat.watched
    def work(error=None):
        """Doc."""
        heartbeat.first_is_done()
        if error:
            raise error
        return 3

    assert work() == 3
    assert work.__doc__ == "Doc."
    with pytest.raises(ZeroDivisionError):
        work(ZeroDivisionError())


def test_time_in_which_a_process_was_stopped_itself_does_not_count(pair, monkeypatch):
    later = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later[0])
    monkeypatch.setattr(heartbeat, "time", clock)
    beating(*pair)
    time.sleep(0.1)
    later[0] = 1e6
    assert not pair[0]._lost.wait(0.3)
