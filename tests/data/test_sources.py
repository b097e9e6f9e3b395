import gzip
import hashlib
import re
from pathlib import Path

import pytest
import torch

import sparsegan.data
from sparsegan.data import load
from sparsegan.errors import SparseganError

SAMPLE = Path(sparsegan.data.__file__).parent / "fashion_mnist"


@pytest.mark.parametrize(("split", "each"), [("train", 900), ("test", 200)])
def test_packaged_sample_is_balanced(split, each):
    images = load("fashion-mnist", split=split)
    assert images.pixels.shape == (10 * each, 1, 28, 28)
    assert images.labels.bincount().tolist() == [each] * 10
    assert len(images.class_names) == 10
    assert images.name == "fashion-mnist-sample"


def test_packaged_files_are_those_of_their_readme():
    listed = dict(
        re.findall(r"`([\w-]+\.gz)` \|[^|]*\| `(\w{64})`", (SAMPLE / "README.md").read_text())
    )
    assert sorted(listed) == sorted(path.name for path in SAMPLE.glob("*.gz"))
    for name, expected in listed.items():
        content = gzip.decompress((SAMPLE / name).read_bytes())
        assert hashlib.sha256(content).hexdigest() == expected
    assert "Zalando SE" in (SAMPLE / "LICENSE").read_text()


def test_splits_share_no_image():
    train, test = (
        load("fashion-mnist", split=split).pixels.flatten(1) for split in ("train", "test")
    )
    rows = torch.cat([train.unique(dim=0), test.unique(dim=0)])
    assert len(rows.unique(dim=0)) == len(rows)


def test_a_path_leads_to_the_files_there():
    images = load("fashion-mnist", SAMPLE, split="test")
    assert images.name == "fashion-mnist"
    assert images.fingerprint == load("fashion-mnist", split="test").fingerprint


@pytest.mark.parametrize(
    ("source", "message"),
    [("fashion_mnist", "did you mean fashion-mnist"), ("zzz", "fashion-mnist, mnist, cifar10")],
)
def test_unknown_source(source, message):
    with pytest.raises(SparseganError, match=message):
        load(source)


@pytest.mark.parametrize("source", ["mnist", "folder"])
def test_path_that_is_missing(source):
    with pytest.raises(SparseganError, match="needs a path"):
        load(source)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "validation"}, "train or test"),
        ({"image_size": 0}, "image_size"),
        ({"channels": 4}, "channels"),
        ({"background": (0, 0, 256)}, "background"),
        ({"background": (0, 0)}, "background"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    with pytest.raises(SparseganError, match=message):
        load("fashion-mnist", **settings)


@pytest.mark.parametrize("setting", [{"held_out": "test"}, {"skip_broken": 3}])
def test_settings_of_image_files_are_for_no_other_source(setting):
    with pytest.raises(SparseganError, match=f"data.{next(iter(setting))} is .*leave it out"):
        load("fashion-mnist", **setting)
