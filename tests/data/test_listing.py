import json
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.data import listing as module
from sparsegan.data.container import open_container
from sparsegan.data.listing import shared_folder
from sparsegan.data.paths import Paths
from sparsegan.errors import SparseganError


def list_images(root, split):
    return module.list_images(open_container(root), split)


def make(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def both(root):
    """All files of a folder without split folders."""
    return sorted([*list_images(root, "train").files, *list_images(root, "test").files])


def test_flat_folder_has_no_classes(tmp_path):
    make(tmp_path, "b.png", "a.JPG", "c.jpeg", "d.webp", "e.bmp", "f.gif", "deep/er/g.png")
    assert both(tmp_path) == sorted(
        ["b.png", "a.JPG", "c.jpeg", "d.webp", "e.bmp", "f.gif", "deep/er/g.png"]
    )
    assert list_images(tmp_path, "train").class_names == ()


def test_what_is_no_image_is_left_out(tmp_path):
    make(tmp_path, "a.png", "b.png", "._a.png", ".hidden.png", "Thumbs.db", "notes.txt", "png")
    make(tmp_path, ".git/c.png", "__MACOSX/d.png", "sub/.cache/e.png")
    assert both(tmp_path) == ["a.png", "b.png"]


def test_pictures_that_are_not_read_are_told_of_once(tmp_path, caplog):
    make(tmp_path, "a.png", "b.tif", "c.tga", "d.HEIC", "e.heic", ".f.heic", "notes.txt")
    assert both(tmp_path) == ["a.png", "b.tif"]
    (said,) = (record.getMessage() for record in caplog.records)
    assert "pictures were passed over (2 ending in .heic, 1 ending in .tga)" in said


@pytest.mark.parametrize("second", ["a.png", "./a.png"])
def test_two_entries_of_one_name_are_refused(tmp_path, second):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name in ("a.png", "b.png", second):
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(SparseganError, match=r"a\.tar\.gz is refused, .* two entries 'a\.png'"):
        list_images(tmp_path / "a.tar.gz", "train")


def test_first_folder_is_the_class_in_both_splits(tmp_path):
    make(tmp_path, *(f"{name}/{i}/x.png" for name in ("dog", "cat") for i in range(10)))
    for split in ("train", "test"):
        listing = list_images(tmp_path, split)
        assert listing.class_names == ("cat", "dog")
        assert list(listing.files) == sorted(listing.files)
        expected = [listing.class_names.index(file.split("/")[0]) for file in listing.files]
        assert listing.labels.tolist() == expected


@pytest.mark.parametrize("name", ["test", "val", "valid"])
def test_split_folders(tmp_path, name):
    make(tmp_path, "train/b/1.png", "train/a/2.png", f"{name}/b/3.png", "extra/4.png")
    train, test = list_images(tmp_path, "train"), list_images(tmp_path, "test")
    assert list(train.files) == ["train/a/2.png", "train/b/1.png"]
    assert list(test.files) == [f"{name}/b/3.png"]
    assert train.class_names == test.class_names == ("a", "b")
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1], [1])


def test_split_folders_without_classes(tmp_path):
    make(tmp_path, "train/1.png", "train/b/2.png", "test/b/3.png")
    train = list_images(tmp_path, "train")
    assert list(train.files) == ["train/1.png", "train/b/2.png"]
    assert (train.labels, train.class_names) == (None, ())


def test_class_of_the_other_split_keeps_its_place(tmp_path):
    make(tmp_path, "train/a/1.png", "train/c/2.png", "test/b/3.png", "test/c/4.png")
    assert list_images(tmp_path, "train").labels.tolist() == [0, 2]
    assert list_images(tmp_path, "test").labels.tolist() == [1, 2]


def test_a_folder_that_holds_everything_is_passed_through(tmp_path):
    make(tmp_path, *(f"one/two/{c}/{i}.png" for c in "ab" for i in range(10)))
    inner = list_images(tmp_path / "one" / "two", "test")
    outer = list_images(tmp_path, "test")
    assert outer.class_names == inner.class_names == ("a", "b")
    assert list(outer.files) == [f"one/two/{file}" for file in inner.files]


@given(st.sets(st.text("ab/", min_size=1, max_size=6), min_size=1, max_size=9))
def test_shared_folder(names):
    shared = shared_folder(Paths.sort(names))
    starts = [{name[: i + 1] for i, c in enumerate(name) if c == "/"} for name in names]
    assert shared == max(set.intersection(*starts), key=len, default="")


def test_images_beside_split_folders_are_not_used(tmp_path):
    make(tmp_path, "train/1.png", "test/2.png", "3.png")
    assert both(tmp_path) == ["test/2.png", "train/1.png"]
    (warning,) = list_images(tmp_path, "train").notes.warnings
    assert "1 image(s) beside the folders of the splits are not used" in warning


def test_links_to_files_count_and_loops_end(tmp_path):
    make(tmp_path, "data/a.png", "data/sub/b.png", "elsewhere/c.png", "elsewhere/d.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "elsewhere" / "c.png")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "sub" / "loop").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to("self")
    expected = ["a.png", "link.png", "linked/c.png", "linked/d.png", "sub/b.png"]
    assert both(tmp_path / "data") == expected


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(SparseganError, match="absent"):
        list_images(tmp_path / "absent", "train")
    with pytest.raises(SparseganError, match=r"\.png"):
        list_images(tmp_path, "train")
    make(tmp_path, "only.png")
    with pytest.raises(SparseganError, match="has 1 image, too few to hold some"):
        list_images(tmp_path, "train")
    with pytest.raises(SparseganError, match="is no folder"):
        list_images(tmp_path / "only.png", "train")


def test_folder_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    make(tmp_path, "a.png", "b.png", "locked/c.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SparseganError, match="locked"):
        list_images(tmp_path, "train")


def test_a_class_without_images_is_told_of(tmp_path):
    make(tmp_path, *(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(10)))
    (tmp_path / "bird").mkdir()
    (tmp_path / ".hidden").mkdir()
    listing = list_images(tmp_path, "train")
    assert listing.class_names == ("cat", "dog")
    assert listing.notes.warnings == ("no image is in the folder(s) bird, which are no classes",)


@pytest.mark.parametrize(
    ("folders", "warned"),
    [(["00000", "00001"], True), (["0", "1"], False), (["001", "002"], False), (["a", "b"], False)],
)
def test_folders_that_may_only_divide_the_images(tmp_path, folders, warned):
    make(tmp_path, *(f"{name}/{i}.png" for name in folders for i in range(10)))
    listing = list_images(tmp_path, "train")
    assert listing.class_names == tuple(folders)
    assert any("taken as 2 classes" in warning for warning in listing.notes.warnings) == warned


def test_labels_of_a_file_come_before_folders(tmp_path):
    names = [f"{shard}/{i}.png" for shard in ("00000", "00001") for i in range(10)]
    make(tmp_path, *names)
    rows = [[name, 5 * (i % 2)] for i, name in enumerate(names)]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": rows}))
    for split in ("train", "test"):
        listing = list_images(tmp_path, split)
        assert listing.class_names == ("0", "5")
        assert listing.labels.tolist() == [names.index(file) % 2 for file in listing.files]
        assert not listing.notes.warnings
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": None}))
    listing = list_images(tmp_path, "train")
    assert (listing.labels, listing.class_names) == (None, ())


def test_a_held_out_folder_that_has_other_classes_has_no_labels(tmp_path):
    make(tmp_path, "cat/1.png", "dog/2.png", "judged/3.png")
    train = module.list_images(open_container(tmp_path), "train", "judged")
    test = module.list_images(open_container(tmp_path), "test", "judged")
    assert (list(train.files), train.class_names) == (["cat/1.png", "dog/2.png"], ("cat", "dog"))
    assert (list(test.files), test.labels) == (["judged/3.png"], None)


def test_all_of_a_container_in_known_classes(tmp_path):
    make(tmp_path, "dog/1.png", "bird/2.png")
    listing = module.list_all(open_container(tmp_path), ("cat", "dog"))
    assert listing.class_names == ("bird", "cat", "dog")
    assert listing.labels.tolist() == [0, 2]
    make(tmp_path / "one", "dog/1.png", "dog/2.png")
    assert module.list_all(open_container(tmp_path / "one"), ("cat", "dog")).labels.tolist() == [
        1,
        1,
    ]
