import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan.data.splits import ELSEWHERE, TENTH, find_splits, held_out_tenth, split_of
from sparsegan.errors import SparseganError


def splits(names, held_out=None):
    """The paths of each split, and the notes."""
    names = sorted(names)
    actual = find_splits(lambda: iter(names), held_out)
    parts = [[n for n, s in zip(names, actual.of_image, strict=True) if s == k] for k in range(3)]
    return *parts, actual


@given(st.sets(st.text("abc/", min_size=1, max_size=8), min_size=1, max_size=60))
@settings(max_examples=50, deadline=None)
def test_held_out_tenth(names):
    files = sorted(names)
    test = held_out_tenth(files)
    assert test.sum() == max(1, len(files) // 10)
    ranked = sorted(files, key=lambda file: hashlib.sha256(file.encode()).digest())
    assert set(np.array(files)[test]) == set(ranked[: test.sum()])


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        *((name, "validation") for name in ("val", "VALID", "Validation", "val2017", "images_val")),
        *((name, "test") for name in ("test", "Testing", "test_set", "testset", "seg_test")),
        *((name, "holdout") for name in ("holdout", "held_out", "Hold-Out", "held out")),
        *((name, "train") for name in ("train", "TRAIN", "training_set", "train-images")),
        ("dev", "dev"),
        ("eval", "eval"),
        *((name, None) for name in ("", "trains", "contest", "valley", "invalid", "test train")),
        *((name, None) for name in ("device", "cat", "data", "devil", "test tubes")),
    ],
)
def test_names(folder, kind):
    assert split_of(folder) == kind


@pytest.mark.parametrize("name", ["test", "Val", "validation", "HOLDOUT", "dev", "eval", "Testing"])
@pytest.mark.parametrize("form", ["{split}/{label}/{i}", "{label}/{split}/{i}", "{split}/{i}"])
@pytest.mark.parametrize("train", ["train", "Training"])
def test_split_folders_above_and_below_the_classes(name, form, train):
    def files(split):
        return [
            form.format(split=split, label=label, i=f"{label}{i}") for label in "ab" for i in "12"
        ]

    training, test, unused, actual = splits([*files(train), *files(name)])
    assert (training, test, unused) == (sorted(files(train)), sorted(files(name)), [])
    within = {actual.within(file).replace("/", "") for file in training}
    assert within == {actual.within(file).replace("/", "") for file in test}
    assert not actual.notes.warnings
    assert name in actual.notes.held_out


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["train", "test", "val", "a", "b"]), max_size=3).map("/".join),
        st.just(0),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_no_folder_of_a_held_out_name_is_trained_on_without_a_word(folders):
    names = [f"{folder}/x" if folder else "x" for folder in folders]
    try:
        training, test, unused, actual = splits(names)
    except SparseganError:
        return
    assert sorted([*training, *test, *unused]) == sorted(names)
    for name in training:
        parts = name.split("/")[:-1]
        first = next((part for part in parts if split_of(part)), "train")
        # Else it is a class of images that have a split of their own, at another depth.
        assert split_of(first) == "train" or "train" in parts or actual.notes.warnings


def test_of_several_one_is_used_and_none_is_trained_on():
    training, test, unused, actual = splits(["train/1", "val/2", "test/3"])
    assert (training, test, unused) == (["train/1"], ["test/3"], ["val/2"])
    assert "val are not used" in actual.notes.held_out


def test_a_class_may_be_called_test_where_the_splits_are_below():
    training, test, _, actual = splits(["test/train/1", "test/val/2", "cat/train/3", "cat/val/4"])
    assert (training, test) == (["cat/train/3", "test/train/1"], ["cat/val/4", "test/val/2"])
    assert [actual.within(name) for name in training] == ["cat/3", "test/1"]


def test_without_a_training_folder_it_is_held_out_with_a_warning():
    training, test, _, actual = splits(["cat/1", "dog/2", "test/3"])
    assert (training, test) == (["cat/1", "dog/2"], ["test/3"])
    assert "overrule it by --data.held_out" in actual.notes.warnings[0]
    training, test, _, actual = splits(["cat/1", "dog/2", "test/3"], TENTH)
    assert len(training) == 2
    assert not actual.notes.warnings


def test_nothing_left_to_train_on():
    with pytest.raises(SparseganError, match=r"nothing to train on.*--data\.held_out tenth"):
        splits(["test/1", "val/2"])


def test_a_folder_that_is_named():
    names = ["cat/1", "dog/2", "judged/cat/3"]
    training, test, _, actual = splits(names, "judged/")
    assert (training, test) == (["cat/1", "dog/2"], ["judged/cat/3"])
    assert actual.within("judged/cat/3") == "cat/3"
    training, test, unused, _ = splits(["train/1", "test/2", "val/3"], "val")
    assert (training, test, unused) == (["train/1"], ["val/3"], ["test/2"])
    with pytest.raises(SparseganError, match=r"absent.*cat, dog, judged"):
        splits(names, "absent")


def test_elsewhere_all_are_trained_on_but_those_of_a_held_out_name():
    assert splits(["cat/1", "dog/2"], ELSEWHERE)[0] == ["cat/1", "dog/2"]
    training, test, unused, _ = splits(["cat/1", "test/2"], ELSEWHERE)
    assert (training, test, unused) == (["cat/1"], [], ["test/2"])
