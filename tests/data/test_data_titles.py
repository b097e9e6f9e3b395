"""What a folder or an archive of images is called."""

from pathlib import Path

import pytest

from sparsegan.data.titles import bare_name, title


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("cats.zip", "cats"),
        ("cats.tar.gz", "cats"),
        ("v1.2.TAR.XZ", "v1.2"),
        ("cats.v2", "cats.v2"),
        (".zip", ".zip"),
    ],
)
def test_an_archives_ending_is_none_of_its_name(tmp_path, name, bare):
    (tmp_path / name).touch()
    assert bare_name(tmp_path / name) == title(tmp_path / name) == bare


def test_a_folder_that_is_called_like_an_archive_keeps_its_name(tmp_path):
    (tmp_path / "cats.zip").mkdir()
    assert bare_name(tmp_path / "cats.zip") == "cats.zip"


def test_a_split_is_called_by_what_it_is_a_part_of(tmp_path, monkeypatch):
    folder = tmp_path / "cats" / "training_set"
    folder.mkdir(parents=True)
    assert title(folder) == "cats"
    assert bare_name(folder) == "training_set"
    assert title(folder.parent) == "cats"
    monkeypatch.setattr(Path, "home", lambda: folder.parent)
    assert title(folder) == "training_set"  # not the user's name
    archive = tmp_path / "cats" / "train.zip"
    archive.touch()
    assert title(archive) == "train"
