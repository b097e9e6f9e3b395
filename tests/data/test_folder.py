import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparsegan.data import folder as module
from sparsegan.data import load
from sparsegan.errors import SparseganError


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SPARSEGAN_CACHE", str(place))
    return place / "images"


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded."""
    names = []
    decode = module.decode

    def record(path, *rest):
        names.append(path.name)
        return decode(path, *rest)

    monkeypatch.setattr(module, "decode", record)
    return names


def fill(root, files, mode="RGB"):
    for i, file in enumerate(files):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = np.full((12, 12 + i % 3, 3), i, dtype=np.uint8)
        Image.fromarray(levels).convert(mode).save(path)
    return root


@pytest.fixture
def pictures(tmp_path):
    names = [f"train/{c}/{i:03}.png" for c in ("b", "a") for i in range(70)]
    return fill(tmp_path / "pictures", [*names, "test/a/x.png", "test/b/y.png"])


def test_pixels_labels_and_names(pictures):
    images = load("folder", pictures)
    assert images.pixels.shape == (140, 3, 32, 32)
    assert images.pixels.dtype == torch.uint8
    # Sorted by path: the 70 of a were written after the 70 of b.
    assert images.pixels[:, 0, 0, 0].tolist() == [*range(70, 140), *range(70)]
    assert images.labels.tolist() == [0] * 70 + [1] * 70
    assert images.labels.dtype == torch.int64
    assert images.class_names == ("a", "b")
    assert images.name == "pictures"
    test = load("folder", pictures, split="test", image_size=8)
    assert test.pixels.shape == (2, 3, 8, 8)
    assert test.labels.tolist() == [0, 1]


def test_second_time_comes_from_the_cache(pictures, cache, decoded):
    first = load("folder", str(pictures))
    assert len(decoded) == 140
    second = load("folder", pictures)
    assert len(decoded) == 140
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.labels, second.labels)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "other",
    [{"image_size": 16}, {"channels": 1}, {"split": "test"}, {"background": (0, 0, 0)}],
)
def test_other_arguments_have_another_file(pictures, cache, other):
    load("folder", pictures)
    load("folder", pictures, **other)
    assert len(list(cache.iterdir())) == 2


def test_changed_file_is_decoded_again(pictures):
    before = load("folder", pictures)
    fill(pictures, ["train/c.png", "train/a/000.png"])
    (pictures / "train" / "c.png").unlink()
    os.utime(pictures / "train" / "a" / "000.png", ns=(1, 1))
    after = load("folder", pictures)
    assert before.pixels[0, 0, 0, 0] == 70
    assert after.pixels[0, 0, 0, 0] == 1
    assert torch.equal(after.pixels[1:], before.pixels[1:])


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_damaged_cache_is_made_anew(pictures, cache, damage):
    before = load("folder", pictures).pixels.clone()
    [file] = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert torch.equal(load("folder", pictures).pixels, before)
    assert file.read_bytes() == whole


def test_cache_that_cannot_be_written_is_no_error(pictures, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "file"))
    assert len(load("folder", pictures)) == 140


def test_channels_follow_the_images(tmp_path):
    grey = fill(tmp_path / "grey", ["a.png", "b.png", "c.png"], mode="L")
    assert load("folder", grey).pixels.shape == (2, 1, 32, 32)
    assert load("folder", grey, channels=3).pixels.shape == (2, 3, 32, 32)
    fill(grey, [f"colour{i}.png" for i in range(5)])
    assert load("folder", grey).pixels.shape[1] == 3
    assert load("folder", grey, channels=1).pixels.shape[1] == 1


def test_splits_of_a_flat_folder_are_all_images_once(tmp_path):
    fill(tmp_path, [f"{i}.png" for i in range(25)])
    train, test = load("folder", tmp_path), load("folder", tmp_path, split="test")
    assert (len(train), len(test)) == (23, 2)
    assert train.labels is None
    levels = torch.cat([train.pixels, test.pixels])[:, 0, 0, 0]
    assert levels.sort().values.tolist() == list(range(25))


def test_broken_image_is_named(pictures):
    (pictures / "train" / "a" / "013.png").write_bytes(b"no image")
    with pytest.raises(SparseganError, match=r"013\.png"):
        load("folder", pictures)


def test_broken_link_and_what_is_no_file(pictures):
    link = pictures / "train" / "a" / "link.png"
    link.symlink_to("nowhere.png")
    with pytest.raises(SparseganError, match=r"link\.png"):
        load("folder", pictures)
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(SparseganError, match=r"link\.png"):
        load("folder", pictures)


def test_home_folder_is_expanded(pictures, monkeypatch):
    monkeypatch.setenv("HOME", str(pictures.parent))
    assert len(load("folder", Path("~/pictures"), split="test")) == 2
