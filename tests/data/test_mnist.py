import gzip
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from sparsegan.data import load
from sparsegan.data.mnist import FILES
from sparsegan.errors import SparseganError


def write(path, array, compress=False):
    content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content += array.tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


@pytest.fixture
def folder(tmp_path):
    """An MNIST of five and three images; the training files plain, the others compressed."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 5), ("test", 3)):
        images, labels = FILES[split]
        end = "" if split == "train" else ".gz"
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write(tmp_path / f"{images}{end}", pixels, compress=bool(end))
        write(tmp_path / f"{labels}{end}", np.arange(count, dtype=np.uint8), compress=bool(end))
    return tmp_path


def test_official_files_plain_and_compressed(folder):
    train, test = load("mnist", folder), load("mnist", folder, split="test")
    assert train.pixels.shape == (5, 1, 28, 28)
    assert train.pixels.dtype == torch.uint8
    assert train.labels.tolist() == [0, 1, 2, 3, 4]
    assert train.labels.dtype == torch.int64
    assert test.pixels.shape == (3, 1, 28, 28)
    raw = (folder / FILES["train"][0]).read_bytes()[16:]
    assert train.pixels.numpy().tobytes() == raw
    assert train.class_names == tuple("0123456789")


def test_size_32_is_a_border_of_two_black_pixels(folder):
    native, padded = load("mnist", folder), load("mnist", folder, image_size=32)
    assert padded.pixels.shape == (5, 1, 32, 32)
    assert torch.equal(padded.pixels[:, :, 2:30, 2:30], native.pixels)
    assert padded.pixels.sum() == native.pixels.sum()


def test_other_sizes_are_pillows_lanczos(folder):
    native, small = load("mnist", folder), load("mnist", folder, image_size=16)
    for image, expected in zip(small.pixels, native.pixels, strict=True):
        resized = Image.fromarray(expected[0].numpy()).resize((16, 16), Image.Resampling.LANCZOS)
        assert (image[0].numpy() == np.asarray(resized)).all()


def test_three_channels_repeat_the_grey(folder):
    grey, colour = load("mnist", folder), load("mnist", folder, channels=3)
    assert colour.pixels.shape == (5, 3, 28, 28)
    assert torch.equal(colour.pixels, grey.pixels.expand(-1, 3, -1, -1))


def test_missing_file_is_named(folder):
    (folder / FILES["test"][1]).with_suffix(".gz").unlink()
    with pytest.raises(SparseganError, match="t10k-labels-idx1-ubyte"):
        load("mnist", folder, split="test")


@pytest.mark.parametrize(
    ("which", "array", "message"),
    [
        (1, np.zeros(4, np.uint8), "5 images and .* 4 labels"),
        (1, np.full(5, 10, np.uint8), "label 10"),
        (0, np.zeros((5, 32, 32), np.uint8), "28×28"),
        (0, np.zeros(5, np.uint8), "exchanged"),
    ],
)
def test_files_that_do_not_fit_together(folder, which, array, message):
    write(folder / FILES["train"][which], array)
    with pytest.raises(SparseganError, match=message):
        load("mnist", folder)


def test_no_image_at_all(folder):
    write(folder / FILES["train"][0], np.zeros((0, 28, 28), np.uint8))
    write(folder / FILES["train"][1], np.zeros(0, np.uint8))
    with pytest.raises(SparseganError, match="0 images"):
        load("mnist", folder)
