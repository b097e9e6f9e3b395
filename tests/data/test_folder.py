import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from official_sets import png, write_folder, write_tar, write_zip
from PIL import Image

from sparsegan.data import decode_all as module
from sparsegan.data import load
from sparsegan.data.folder import load_all
from sparsegan.errors import SparseganError


@pytest.fixture(autouse=True)
def kept(cache):
    """The folder of the decoded images."""
    return cache / "images"


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded."""
    names = []
    decode = module.decode

    def record(file, name, *rest):
        names.append(name)
        return decode(file, name, *rest)

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


def test_second_time_comes_from_the_cache(pictures, kept, decoded):
    first = load("folder", str(pictures))
    assert len(decoded) == 140
    second = load("folder", pictures)
    assert len(decoded) == 140
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.labels, second.labels)
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize(
    "other",
    [{"image_size": 16}, {"channels": 1}, {"split": "test"}, {"background": (0, 0, 0)}],
)
def test_other_arguments_have_another_file(pictures, kept, other):
    load("folder", pictures)
    load("folder", pictures, **other)
    assert len(list(kept.iterdir())) == 2


def test_changed_file_is_decoded_again(pictures):
    before = load("folder", pictures)
    fill(pictures, ["train/c.png", "train/a/000.png"])
    (pictures / "train" / "c.png").unlink()
    os.utime(pictures / "train" / "a" / "000.png", ns=(1, 1))
    after = load("folder", pictures)
    assert before.pixels[0, 0, 0, 0] == 70
    assert after.pixels[0, 0, 0, 0] == 1
    assert torch.equal(after.pixels[1:], before.pixels[1:])


def test_cache_that_cannot_be_written_is_no_error(pictures, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "file"))
    assert len(load("folder", pictures)) == 140


def test_copy_is_found_by_its_content(pictures, decoded, tmp_path):
    first = load("folder", pictures)
    shutil.copytree(pictures, tmp_path / "copy")
    second = load("folder", tmp_path / "copy")
    assert len(decoded) == 140
    assert (second.name, second.fingerprint) == ("copy", first.fingerprint)
    (tmp_path / "copy" / "train" / "b").rename(tmp_path / "copy" / "train" / "c")
    assert load("folder", tmp_path / "copy").class_names == ("a", "b", "c")


def test_change_behind_size_and_date_is_noticed(tmp_path):
    for i in range(10):
        Image.new("L", (4, 4), 0).save(tmp_path / f"{i}.bmp")
    before = load("folder", tmp_path)
    for file in tmp_path.iterdir():
        status = file.stat()
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 255]))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load("folder", tmp_path).fingerprint != before.fingerprint


ARCHIVES = {
    ".zip": write_zip,
    ".tar": write_tar,
    ".tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    ".tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
    ".tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
}


@pytest.mark.parametrize("ending", ARCHIVES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_archive_is_its_folder(tmp_path, ending, split, decoded):
    levels = np.random.default_rng(0).permutation(30).tolist()
    files = {f"{'ab'[i % 2]}/{i}.png": png(i) for i in levels}
    files |= {"a/._1.png": b"", "__MACOSX/a/1.png": b"", "read.me": b""}
    folder = load("folder", write_folder(tmp_path / "plain", files), split=split)
    packed = {f"./my pictures/{name}": content for name, content in files.items()}
    path = ARCHIVES[ending](tmp_path / f"plain{ending}", packed)
    archive = load("folder", path, split=split)
    assert torch.equal(archive.pixels, folder.pixels)
    assert archive.labels.tolist() == folder.labels.tolist()
    assert (archive.class_names, archive.name) == (("a", "b"), "plain")
    count = len(decoded)
    again = load("folder", path.rename(tmp_path / "renamed"), split=split)
    assert (again.fingerprint, len(decoded)) == (folder.fingerprint, count)


def test_archive_in_reverse_order_keeps_the_order_of_paths(tmp_path):
    files = {f"{i:03}.png": png(i) for i in reversed(range(200))}
    images = load("folder", write_tar(tmp_path / "a.tar", files))
    levels = images.pixels[:, 0, 0, 0].tolist()
    assert levels == sorted(levels)
    assert len(levels) == 180


def test_grey_archive_has_one_channel(tmp_path):
    path = write_zip(tmp_path / "a.zip", {f"{i}.png": png(i, mode="L") for i in range(9)})
    assert load("folder", path).pixels.shape == (8, 1, 32, 32)
    assert load("folder", path).labels is None


def test_broken_image_in_an_archive_is_named(tmp_path):
    files = {"train/1.png": png(1), "train/2.png": b"none", "test/3.png": png(3)}
    path = write_zip(tmp_path / "a.zip", files)
    with pytest.raises(SparseganError, match=r"a\.zip/train/2\.png"):
        load("folder", path)


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


def test_all_images_come_with_their_paths_whatever_their_split(tmp_path):
    files = {
        f"photos/{name}": png(i) for i, name in enumerate(("a.png", "test/b.png", "train/c.png"))
    }
    for source in (write_folder(tmp_path / "set", files), write_zip(tmp_path / "set.zip", files)):
        images, paths = load_all(source, 16, 3)
        assert paths == sorted(files)
        assert images.pixels.shape == (3, 3, 16, 16)
        assert images.pixels[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert images.labels is None
    with pytest.raises(SparseganError, match="no images in"):
        load_all(write_folder(tmp_path / "none", {"x.txt": b""}), 16, 3)


@pytest.fixture
def damaged(tmp_path):
    """Pictures of two classes, two of which are broken, and those alone that are not."""
    names = [f"train/{label}/{i}.png" for label in "ab" for i in range(5)]
    whole = fill(tmp_path / "whole" / "set", [*names, "test/a/0.png"])
    source = tmp_path / "damaged" / "set"
    shutil.copytree(whole, source)
    for name in ("train/a/1.png", "train/b/3.png"):
        (whole / name).unlink()
    (source / "train/a/1.png").write_text("<html>not found</html>")
    (source / "train/b/3.png").unlink()
    (source / "train/b/3.png").symlink_to("nowhere")
    return source, whole


def test_what_is_skipped_changes_nothing_else(damaged, kept, caplog):
    source, whole = damaged
    skipped, plain = load("folder", source, skip_broken=2), load("folder", whole)
    assert torch.equal(skipped.pixels, plain.pixels)
    assert torch.equal(skipped.labels, plain.labels)
    assert skipped.fingerprint == plain.fingerprint
    assert [text.partition(":")[0] for text in skipped.notes.skipped] == [
        "train/a/1.png",
        "train/b/3.png",
    ]
    assert any("2 of 10 images are skipped" in record.getMessage() for record in caplog.records)
    # From the cache, and with a cache that cannot be written.
    assert load("folder", source, skip_broken=2).notes == skipped.notes
    assert len(list(kept.iterdir())) == 2


def test_a_cache_of_another_limit_is_none(damaged, monkeypatch):
    source, _ = damaged
    load("folder", source, skip_broken=0.5)
    for limit in (0, 1, 0.1):
        with pytest.raises(SparseganError, match="2 of 10 images cannot be used"):
            load("folder", source, skip_broken=limit)
    monkeypatch.setenv("SPARSEGAN_CACHE", str(source / "test/a/0.png"))
    assert len(load("folder", source, skip_broken=2)) == 8


@pytest.mark.parametrize("limit", [-1, 1.0, 2.5, True, float("nan")])
def test_a_limit_that_is_none(damaged, limit):
    with pytest.raises(SparseganError, match="skip_broken has to be"):
        load("folder", damaged[0], skip_broken=limit)


def test_labels_of_a_file_are_in_the_cache_s_key(tmp_path):
    source = fill(tmp_path, [f"0000{i // 10}/{i}.png" for i in range(20)])
    assert load("folder", source).class_names == ("00000", "00001")
    for first in (3, 4):
        rows = ",".join(f'["0000{i // 10}/{i}.png", {first if i < 15 else 9}]' for i in range(20))
        (source / "dataset.json").write_text(f'{{"labels": [{rows}]}}')
        images = load("folder", source)
        assert images.class_names == (str(first), "9")
        assert len(images.labels.bincount()) == 2


def test_images_elsewhere_are_held_out(tmp_path):
    source = fill(tmp_path / "set", [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(6)])
    other = write_zip(tmp_path / "other.zip", {"dog/1.png": png(1), "cat/2.png": png(2)})
    assert len(load("folder", source, held_out=str(other))) == 12
    test = load("folder", source, split="test", held_out=str(other))
    assert (test.class_names, test.labels.tolist()) == (("cat", "dog"), [0, 1])
    assert test.pixels[:, 0, 0, 0].tolist() == [2, 1]
    with pytest.raises(SparseganError, match=r"holds .* itself"):
        load("folder", source, held_out=str(tmp_path))


def test_a_folder_whose_name_begins_with_that_of_the_folder_above_is_held_out(tmp_path):
    names = [f"photos/{c}/{i}.png" for c in ("photos_train", "photos_val") for i in range(4)]
    source = fill(tmp_path / "set", names)
    for held_out in ("photos_val", "photos/photos_val"):
        assert len(load("folder", source, held_out=held_out, split="test")) == 4
        assert load("folder", source, held_out=held_out).class_names == ("photos_train",)


def test_a_home_that_nobody_has_is_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SparseganError, match="there is no folder ~nobody-at-all/pictures"):
        load("folder", "~nobody-at-all/pictures")
    fill(tmp_path / "~nobody-at-all", [f"{i}.png" for i in range(4)])
    assert len(load("folder", "~nobody-at-all", held_out="tenth")) > 0


@pytest.mark.parametrize("how", ["dog", "./dog/", "absolute", "real"])
def test_a_folder_within_is_held_out(tmp_path, how):
    source = fill(tmp_path / "set", [f"cat/{i}.png" for i in range(6)])
    fill(tmp_path / "dogs", [f"{i}.png" for i in range(6)])
    # A link, whose images are in the folder under its name.
    (source / "dog").symlink_to(tmp_path / "dogs")
    if how == "real":
        (source / "dog").unlink()
        (tmp_path / "dogs").rename(source / "dog")
    held_out = str(source / "dog") if how in ("absolute", "real") else how
    assert load("folder", source, held_out=held_out).class_names == ("cat",)
    assert len(load("folder", source, held_out=held_out, split="test")) == 6


def test_pictures_without_anything_to_learn_are_warned_of(tmp_path, caplog):
    clear = tmp_path / "clear"
    clear.mkdir()
    for n in range(9):
        levels = np.full((12, 12, 4), (255, 255, 255, 9 * n), dtype=np.uint8)
        Image.fromarray(levels).save(clear / f"{n}.png")
    load_all(clear, 12, None, (255, 255, 255))
    said = [record.getMessage() for record in caplog.records]
    assert any("9 of 9 images are of one colour" in text and "white" in text for text in said)


def test_pictures_that_are_one_picture_are_warned_of(tmp_path, caplog):
    alike = tmp_path / "alike"
    alike.mkdir()
    levels = np.arange(12 * 12 * 3, dtype=np.uint8).reshape(12, 12, 3)
    for n in range(9):
        Image.fromarray(levels + n % 4 * (n % 2)).save(alike / f"{n}.png")
    load_all(alike, 12, None, (255, 255, 255))
    said = [record.getMessage() for record in caplog.records]
    assert any("of 9 images only 3 are different ones" in text for text in said)
