import shutil

import numpy as np
import pytest
import torch
from official_sets import cifar10, cifar_images, write_folder, write_tar
from PIL import Image

from sparsegan.data import load
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def ten(tmp_path):
    files, pixels, labels = cifar10()
    path = write_tar(tmp_path / "cifar-10-binary.tar.gz", files, "w:gz")
    return path, torch.from_numpy(pixels), torch.from_numpy(labels)


def test_official_archive(ten):
    path, pixels, labels = ten
    train, test = (load("cifar10", path, split=split) for split in ("train", "test"))
    assert torch.equal(train.pixels, pixels[:15])
    assert torch.equal(train.labels, labels[:15])
    assert torch.equal(test.pixels, pixels[15:])
    assert torch.equal(test.labels, labels[15:])
    assert train.class_names == test.class_names
    assert [train.class_names[i] for i in (0, 1, 3, 9)] == [
        "airplane",
        "automobile",
        "cat",
        "truck",
    ]
    assert train.name == "cifar10"


def test_unpacked_folder_and_folder_of_the_archive(ten, tmp_path):
    path, pixels, _ = ten
    folder = write_folder(tmp_path / "unpacked", cifar10()[0])
    for source in (folder, folder / "cifar-10-batches-bin", path.parent):
        assert torch.equal(load("cifar10", source).pixels, pixels[:15])


def test_read_once_though_the_archive_moves(ten, tmp_path, monkeypatch):
    path, pixels, labels = ten
    load("cifar10", path)
    moved = shutil.move(path, tmp_path / "moved")
    monkeypatch.setattr("sparsegan.data.cifar.read_records", None)
    again = load("cifar10", moved)
    assert torch.equal(again.pixels, pixels[:15])
    assert torch.equal(again.labels, labels[:15])


def test_other_size_and_grey(ten):
    path, pixels, _ = ten
    small, grey = load("cifar10", path, image_size=16), load("cifar10", path, channels=1)
    image = Image.fromarray(pixels[0].permute(1, 2, 0).numpy())
    expected = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert (small.pixels[0].numpy() == expected).all()
    assert (grey.pixels[0, 0].numpy() == np.asarray(image.convert("L"))).all()


def test_hundred_has_fine_and_coarse_labels(tmp_path):
    pixels = cifar_images(4)
    # fish and aquarium_fish, people and woman, vehicles_2 and tractor, trees and willow_tree
    pairs = [(1, 1), (14, 98), (19, 89), (17, 96)]
    records = b"".join(
        bytes(pair) + image.tobytes() for pair, image in zip(pairs, pixels, strict=True)
    )
    path = write_tar(
        tmp_path / "a.tar.gz",
        {"cifar-100-binary/train.bin": records, "cifar-100-binary/test.bin": records[:3074]},
        "w:gz",
    )
    fine, coarse = load("cifar100", path), load("cifar100-coarse", path)
    assert torch.equal(fine.pixels, torch.from_numpy(pixels))
    names = [fine.class_names[label] for label in fine.labels]
    assert names == ["aquarium_fish", "woman", "tractor", "willow_tree"]
    names = [coarse.class_names[label] for label in coarse.labels]
    assert names == ["fish", "people", "vehicles_2", "trees"]
    assert (len(fine.class_names), len(coarse.class_names)) == (100, 20)
    assert list(fine.class_names) == sorted(fine.class_names)
    assert len(load("cifar100", path, split="test")) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "no multiple of the 3073"),
        (lambda content: b"", "has 0 bytes"),
        (lambda content: b"\x0a" + content[1:], "outside of its 10 classes"),
        (None, r"no data_batch_3\.bin .* cifar-10-binary\.tar\.gz"),
    ],
)
def test_what_is_not_the_binary_version(tmp_path, change, message):
    files = cifar10()[0]
    content = files.pop("cifar-10-batches-bin/data_batch_3.bin")
    if change:
        files["cifar-10-batches-bin/data_batch_3.bin"] = change(content)
    with pytest.raises(SparseganError, match=message):
        load("cifar10", write_tar(tmp_path / "a.tar", files))
