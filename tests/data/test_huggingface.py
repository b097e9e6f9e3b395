"""With a stand-in for the library `datasets`, which is optional and large."""

import importlib
import sys
from types import ModuleType

import numpy as np
import pytest
from official_sets import png

from sparsegan.data import load
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")


class Image:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    names = ("cat", "dog")


class Rows:
    def __init__(self, features, columns):
        self.features, self.columns = features, columns

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def cast_column(self, name, kind):
        return Rows({**self.features, name: kind}, self.columns)

    def select_columns(self, names):
        return Rows(self.features, {name: self.columns[name] for name in names})

    def __getitem__(self, name):
        return self.columns[name]

    def __iter__(self):
        assert not any(getattr(kind, "decode", False) for kind in self.features.values())
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))


def rows(levels, labels=None, mode="RGB"):
    features, columns = {"text": str, "img": Image()}, {"text": ["x"] * len(levels)}
    columns["img"] = [{"bytes": png(level, mode=mode), "path": None} for level in levels]
    if labels is not None:
        features["kind"], columns["kind"] = ClassLabel(), labels
    return Rows(features, columns)


@pytest.fixture
def hub(monkeypatch):
    """The data sets on the hub, by their names."""
    actual = {}
    module = ModuleType("datasets")
    module.Image, module.ClassLabel = Image, ClassLabel

    def load_dataset(name):
        if name not in actual:
            raise FileNotFoundError(f"Couldn't find {name}\nand many more lines")
        return actual[name]

    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return actual


def test_images_labels_and_names(hub, tmp_path):
    hub["owner/pets"] = {
        "train": rows([1, 2, 3], [0, 1, 1]),
        "validation": rows([4], [1]),
    }
    (tmp_path / "own.png").write_bytes(png(9))
    hub["owner/pets"]["train"].columns["img"][1] = {"bytes": None, "path": tmp_path / "own.png"}
    train, test = (load("hf:owner/pets", split=split, image_size=8) for split in ("train", "test"))
    assert train.pixels[:, 0, 0, 0].tolist() == [1, 9, 3]
    assert train.labels.tolist() == [0, 1, 1]
    assert train.class_names == ("cat", "dog")
    assert train.name == "owner/pets"
    assert test.pixels[:, 0, 0, 0].tolist() == [4]


def test_cache_follows_the_content(hub, monkeypatch):
    hub["a"] = {"train": rows([1, 2], mode="L")}
    first = load("hf:a")
    assert (first.pixels.shape, first.labels) == ((2, 1, 32, 32), None)
    with monkeypatch.context() as patch:
        patch.setattr("sparsegan.data.huggingface.decode_all", None)
        assert load("hf:a").fingerprint == first.fingerprint
    hub["a"] = {"train": rows([1, 3], mode="L")}
    assert load("hf:a").pixels[1, 0, 0, 0] != first.pixels[1, 0, 0, 0]
    hub["a"] = {"train": rows([1, 3], [1, 0])}
    assert np.array_equal(load("hf:a").labels, [1, 0])


def test_rows_without_an_image_or_a_class_are_named(hub):
    hub["a"] = {"train": rows([1, 2], [0, None])}
    with pytest.raises(SparseganError, match="has images without a class"):
        load("hf:a")
    hub["a"] = {"train": rows([1, 2])}
    hub["a"]["train"].columns["img"][1] = None
    with pytest.raises(SparseganError, match="row 1 of a has no image"):
        load("hf:a")


def test_a_library_that_fails_without_a_word_is_named_by_its_error(hub, monkeypatch):
    def fail(name):
        raise ValueError

    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", fail)
    with pytest.raises(SparseganError, match=r"cannot be had \(ValueError\)"):
        load("hf:a")


def test_what_cannot_be_had(hub):
    with pytest.raises(SparseganError, match=r"absent cannot be had \(Couldn't find absent\)"):
        load("hf:absent")
    hub["a"] = {"train": rows([1], [-1])}
    with pytest.raises(SparseganError, match="no test split but train"):
        load("hf:a", split="test")
    with pytest.raises(SparseganError, match="without a class"):
        load("hf:a")
    hub["a"] = {"train": Rows({"text": str}, {"text": ["x"]})}
    with pytest.raises(SparseganError, match="has no images"):
        load("hf:a")
    with pytest.raises(SparseganError, match="takes no path"):
        load("hf:a", "path")
    with pytest.raises(SparseganError, match="no data source 'hf:'"):
        load("hf:")


def test_without_the_library(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(SparseganError, match=r"pip install 'sparsegan\[datasets\]'"):
        load("hf:owner/pets")
