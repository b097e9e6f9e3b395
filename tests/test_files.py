import errno
import os
import stat
from pathlib import Path

import pytest

from sparsegan.errors import SparseganError
from sparsegan.files import (
    WriteError,
    atomic_path,
    atomic_write_bytes,
    atomic_write_text,
    require_regular,
    writing,
)


def test_writes_and_replaces(tmp_path):
    target = tmp_path / "new" / "folder" / "file.txt"
    atomic_write_text(target, "one\nζ")
    assert target.read_bytes() == "one\nζ".encode()
    atomic_write_bytes(target, b"two")
    assert target.read_bytes() == b"two"
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, failure):
    target = tmp_path / "file"
    target.write_text("old")

    def fail_halfway():
        with atomic_path(target) as temporary:
            temporary.write_text("half of the ne")
            raise failure

    with pytest.raises(failure):
        fail_halfway()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_target_is_untouched_until_the_block_ends(tmp_path):
    target = tmp_path / "file.json"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == target.parent
        assert list(tmp_path.glob("*.json")) == [target]
        assert temporary.suffix == ".tmp"
    assert target.read_text() == "new"


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(WriteError), atomic_path(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_are_synced_before_and_after_the_rename(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def record(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((kind, (tmp_path / "f").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    atomic_write_bytes(tmp_path / "f", b"x")
    assert synced == [("file", False), ("folder", True)]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    (tmp_path / "ordinary").write_bytes(b"")
    atomic_write_bytes(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_longest_file_name_is_possible(tmp_path):
    atomic_write_bytes(tmp_path / ("n" * 255), b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, "No space left on device.*make room"),
        (errno.EDQUOT, "Disk quota exceeded.*make room"),
        (errno.EROFS, "Read-only file system.*may write to"),
        (errno.EACCES, "Permission denied.*may write to"),
        (errno.EIO, r"Input/output error\)$"),
    ],
)
def test_what_the_system_refuses_is_told_with_the_path(tmp_path, monkeypatch, number, cause):
    target = tmp_path / "file"
    target.write_text("old")

    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(SparseganError, match=rf"^cannot write .*file \({cause}") as refused:
        atomic_write_text(target, "new")
    assert isinstance(refused.value, OSError)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_errors_that_are_none_of_the_system_pass_through():
    with pytest.raises(KeyError), writing("x"):
        raise KeyError
    with pytest.raises(BrokenPipeError), writing("x"):
        raise BrokenPipeError


def test_a_folder_a_pipe_and_a_device_are_neither_read_nor_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    for name, kind in (("folder", "a directory"), ("pipe", "a pipe"), ("device", "a device")):
        with pytest.raises(SparseganError, match=f"cannot write .*, which is {kind}: name a file"):
            atomic_write_bytes(tmp_path / name, b"x")
        with pytest.raises(SparseganError, match=f"cannot read it .*, which is {kind}: name a fi"):
            require_regular(tmp_path / name, "it")
    assert len(list(tmp_path.iterdir())) == 3


def test_reading_needs_a_file():
    require_regular(Path(__file__), "it")
    for name in ("missing", "a\0b", "n" * 300):
        with pytest.raises(SparseganError, match="cannot read it"):
            require_regular(Path(name), "it")
