"""The directory that a new run takes for itself."""

import pytest

from sparsegan.errors import SparseganError
from sparsegan.train import build
from sparsegan.train.claim import new_run
from sparsegan.train.launch import launch
from tiny_run import config


def claimed(directory, *flags):
    settings = config(directory, *flags)
    settings = build.resolve(settings, build.load_images(settings))
    return new_run(settings, launch(settings))


def test_a_named_directory_is_made_and_locked(tmp_path):
    run, lock = claimed(tmp_path / "run")
    assert run.path == tmp_path / "run"
    assert run.checkpoints.is_dir()
    with pytest.raises(SparseganError, match="trained"):
        claimed(tmp_path / "run")
    lock.release()


def test_a_directory_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("dear")
    with pytest.raises(SparseganError, match="exists and is not empty"):
        claimed(tmp_path / "run")
    assert (tmp_path / "run" / "letter.txt").read_text() == "dear"


def test_without_a_name_the_next_free_one_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (claimed("unused", "--run.directory", "null") for _ in range(2))
    assert [run.path.name for run, _ in (first, second)] == [
        "fashion-mnist-adapt-1",
        "fashion-mnist-adapt-2",
    ]
    for _, lock in (first, second):
        lock.release()
