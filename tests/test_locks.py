import os
import signal
import subprocess
import sys

import pytest

from sparsegan.locks import FileLock, is_held

HOLD = """
import sys, time
from pathlib import Path
from sparsegan.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_one_at_a_time_within_a_process_too(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()


def test_a_lock_ends_with_its_process(tmp_path, holder):
    lock = FileLock(tmp_path / "lock")
    assert not lock.acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock.acquire()


def test_waiting_ends_with_the_lock_or_with_patience(tmp_path, holder):
    lock = FileLock(tmp_path / "lock")
    assert sum(1 for _ in lock.wait(0.2)) >= 1
    for attempt, _ in enumerate(lock.wait(60)):
        if attempt == 1:
            holder.kill()
            holder.wait()
    other = FileLock(tmp_path / "lock")
    assert not other.acquire()


def test_a_child_does_not_keep_its_parents_lock(tmp_path):
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    to_child, to_parent = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(to_parent[1], b".")
        os.read(to_child[0], 1)
        os._exit(0)
    os.read(to_parent[0], 1)
    lock.forget()  # as if this process had died
    try:
        assert FileLock(tmp_path / "lock").acquire()
    finally:
        os.write(to_child[1], b".")
        os.waitpid(child, 0)


def test_a_file_that_cannot_be_written_is_an_os_error_that_names_it(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        FileLock(tmp_path / "nowhere" / "lock").acquire()


def test_nothing_is_left_and_a_removed_file_is_no_lock(tmp_path):
    lock, late = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert lock.acquire()
    opened = os.open(tmp_path / "lock", os.O_RDWR)  # by one that is about to lock it
    lock.release()
    assert list(tmp_path.iterdir()) == []
    first = iter([opened])
    attempt = late._attempt
    late._attempt = lambda: next(first, None) or attempt()
    assert late.acquire()
    assert not FileLock(tmp_path / "lock").acquire()
    late.release()


def test_many_processes_count_without_a_loss(tmp_path):
    code = """
import sys
from pathlib import Path
from sparsegan.locks import FileLock
folder = Path(sys.argv[1])
for _ in range(50):
    lock = FileLock(folder / "lock")
    for _ in lock.wait(20):
        pass
    count = folder / "count"
    count.write_text(str(int(count.read_text()) + 1))
    lock.release()
"""
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "150"


def test_whether_a_lock_is_held_is_seen_without_keeping_it(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists()
    lock = FileLock(path)
    assert lock.acquire()
    assert is_held(path)
    lock.release()
    path.touch()  # as a kill leaves it
    assert not is_held(path)
    assert FileLock(path).acquire()
