import numpy as np
import pytest
import torch
from official_sets import stl10, write_folder, write_tar
from PIL import Image

from sparsegan.data import load
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def archive(tmp_path):
    return write_tar(tmp_path / "stl10_binary.tar.gz", stl10()[0], "w:gz")


def test_unlabelled_images_stand_upright_at_48(archive):
    pixels, _ = stl10()[1]["unlabeled"]
    full = load("stl10", archive, image_size=96)
    assert torch.equal(full.pixels, torch.from_numpy(pixels))
    assert (full.labels, full.class_names, full.name) == (None, (), "stl10")
    images = load("stl10", archive)
    assert images.pixels.shape == (5, 3, 48, 48)
    image = Image.fromarray(pixels[4].transpose(1, 2, 0))
    expected = np.asarray(image.resize((48, 48), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert (images.pixels[4].numpy() == expected).all()


@pytest.mark.parametrize(
    ("source", "split", "part"),
    [
        ("stl10", "test", "test"),
        ("stl10-labelled", "train", "train"),
        ("stl10-labelled", "test", "test"),
    ],
)
def test_labelled_images(archive, source, split, part):
    pixels, labels = stl10()[1][part]
    images = load(source, archive, split=split, image_size=96)
    assert torch.equal(images.pixels, torch.from_numpy(pixels))
    assert images.labels.tolist() == labels.tolist()
    assert images.class_names[2:4] == ("car", "cat")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"\1\2", "3 images and 2 labels"),
        (b"\1\0\1", "outside"),
        (b"\x0b\x01\x01", "out"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, message):
    files = stl10()[0] | {"stl10_binary/train_y.bin": labels}
    with pytest.raises(SparseganError, match=message):
        load("stl10-labelled", write_folder(tmp_path, files))


def test_images_that_are_cut(tmp_path):
    files = stl10()[0]
    files["stl10_binary/unlabeled_X.bin"] = files["stl10_binary/unlabeled_X.bin"][:-9]
    with pytest.raises(SparseganError, match="no multiple of the 27648"):
        load("stl10", write_folder(tmp_path, files))
