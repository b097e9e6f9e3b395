import json

import pytest
from official_sets import write_folder, write_tar, write_zip

from sparsegan.data import dataset_json as module
from sparsegan.data.container import open_container
from sparsegan.data.dataset_json import read_labels
from sparsegan.data.listing import image_paths
from sparsegan.errors import SparseganError

IMAGES = {f"0000{shard}/img{i}.png": b"x" for shard in range(2) for i in range(2)}
LABELS = dict(zip(IMAGES, (7, 7, 0, 30), strict=True))


def labels(source):
    container = open_container(source)
    return read_labels(container, image_paths(container))


def text(rows):
    return json.dumps({"labels": rows}).encode()


@pytest.mark.parametrize("write", [write_folder, write_zip, write_tar])
@pytest.mark.parametrize("root", ["", "ffhq/"])
def test_labels_are_of_the_file(tmp_path, write, root):
    files = {f"{root}{name}": content for name, content in IMAGES.items()}
    files[f"{root}dataset.json"] = text([*LABELS.items(), ["absent.png", 9]])
    said = labels(write(tmp_path / "set", files))
    assert said.class_names == ("0", "7", "30")
    assert [said.class_names[label] for label in said.labels] == ["7", "7", "0", "30"]


def test_one_for_each_split(tmp_path):
    files = {f"{s}/{name}": b"x" for s in ("train", "val") for name in IMAGES}
    files["train/dataset.json"] = text(list(LABELS.items()))
    files["val/dataset.json"] = text([[name, 1] for name in IMAGES])
    said = labels(write_folder(tmp_path, files))
    assert [said.class_names[n] for n in said.labels] == ["7", "7", "0", "30", *"1111"]


def test_null_is_no_classes_and_another_program_s_file_is_passed_over(tmp_path):
    assert (
        labels(write_folder(tmp_path / "a", {**IMAGES, "dataset.json": text(None)})).labels is None
    )
    assert labels(write_folder(tmp_path / "b", {**IMAGES, "dataset.json": b'{"name": 1}'})) is None
    assert labels(write_folder(tmp_path / "c", {**IMAGES, "other/dataset.json": b"["})) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (text([["00000/img0.png", 1]]), "no label for the image 00000/img1.png"),
        (text([["00000/img0.png", 1], ["00000/img0.png", 2]]), "two labels"),
        (text([["00000/img0.png", True]]), "is 'True'"),
        (text([["00000/img0.png", -1]]), "is '-1'"),
        (text([["00000/img0.png", 2**31]]), "is '2147483648'"),
        (text([[1, 1]]), "no pair"),
        (text(3), "no list"),
        (b"[]", "no object"),
        (b"{", "Expecting"),
        (b'{"labels": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"labels": [["a", ' + b"9" * 5000 + b"]]}", "digits"),
        (b"\xff\xfe", "UTF-8"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_damage_is_one_sentence(tmp_path, content, reason):
    source = write_folder(tmp_path, {**IMAGES, "dataset.json": content})
    with pytest.raises(SparseganError, match=r"dataset\.json is no list of .*labels") as refused:
        labels(source)
    assert reason in str(refused.value)


def test_a_file_of_absurd_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    source = write_folder(tmp_path, {**IMAGES, "dataset.json": b" " * 101})
    with pytest.raises(SparseganError, match="more than 100 bytes"):
        labels(source)
