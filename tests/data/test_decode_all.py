import io
import zipfile

import numpy as np
import pytest
from official_sets import png, write_folder, write_tar, write_zip
from PIL import Image

from sparsegan.data import decode_all as module
from sparsegan.data.container import open_container
from sparsegan.data.decode import WHITE, BrokenImageError
from sparsegan.data.decode_all import ImageFile, decode_all, image_files
from sparsegan.data.paths import Paths
from sparsegan.errors import SparseganError


@pytest.mark.parametrize("count", [1, 63, 64, 65, 700])
def test_every_image_at_its_place(count):
    pixels = np.zeros((count, 3, 4, 4), np.uint8)
    places = np.random.default_rng(0).permutation(count).tolist()
    files = (ImageFile(i, str(i), png(i % 256, 4)) for i in places)
    assert not decode_all(pixels, files, WHITE).grey
    assert (pixels[:, 0] == np.arange(count).reshape(-1, 1, 1) % 256).all()


@pytest.mark.parametrize("colour", [None, 0, 150])
def test_one_coloured_image_makes_the_set_one_of_colour(colour):
    modes = ["RGB" if i == colour else "L" for i in range(200)]
    files = [ImageFile(i, str(i), png(1, 4, mode)) for i, mode in enumerate(modes)]
    assert decode_all(np.zeros((200, 3, 4, 4), np.uint8), files, WHITE).grey == (colour is None)


def test_files_are_read_only_a_little_ahead(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    decode, done = module.decode, []

    def count(*arguments):
        done.append(1)
        return decode(*arguments)

    monkeypatch.setattr(module, "decode", count)

    def files():
        for i in range(2000):
            # Four chunks of 64 may wait, one more was handed over and one is being gathered.
            assert i - len(done) <= 64 * 6
            yield ImageFile(i, str(i), png(1, 4))

    decode_all(np.zeros((2000, 3, 4, 4), np.uint8), files(), WHITE)
    assert len(done) == 2000


def test_first_broken_image_is_told():
    files = [ImageFile(i, f"number {i}", png(1) if i != 70 else b"") for i in range(300)]
    with pytest.raises(SparseganError, match="number 70"):
        decode_all(np.zeros((300, 3, 4, 4), np.uint8), files, WHITE)


def test_archive_that_changed_and_file_that_is_absurd(tmp_path, monkeypatch):
    container = open_container(write_tar(tmp_path / "a.tar", {"a.png": png(1)}))
    with pytest.raises(SparseganError, match="changed while"):
        list(image_files(container, Paths.sort(["a.png", "b.png"])))
    folder = open_container(write_folder(tmp_path / "f", {"a.png": png(1)}))
    monkeypatch.setattr(module, "MOST_FILE_BYTES", len(png(1)) - 1)
    [file] = image_files(folder, Paths.sort(["a.png"]))
    with pytest.raises(SparseganError, match=r"a\.png has more than"):
        decode_all(np.zeros((1, 3, 4, 4), np.uint8), [file], WHITE)


def broken(count, total=100):
    """Files of which so many are no images."""
    return [ImageFile(i, f"number {i}", b"" if i < count else png(i)) for i in range(total)]


@pytest.mark.parametrize("skip", [3, 30, 0.03, 0.5])
def test_broken_images_are_told_by_their_place(skip):
    pixels = np.ones((100, 3, 4, 4), np.uint8)
    read = decode_all(pixels, broken(3), WHITE, skip)
    assert list(read.broken) == [0, 1, 2]
    assert "is no image of a kind" in read.broken[0]
    assert (pixels[3:, 0] == np.arange(3, 100).reshape(-1, 1, 1)).all()


@pytest.mark.parametrize("skip", [0, 2, 0.0, 0.02, 0.029, None])
def test_more_than_the_limit_is_one_sentence(skip):
    with pytest.raises(SparseganError, match=r"3 of 100 images .*number 0 .*number 2") as refused:
        decode_all(np.zeros((100, 3, 4, 4), np.uint8), broken(3), WHITE, skip)
    # A command that has no such setting names none.
    assert ("--data.skip_broken 3" in str(refused.value)) == (skip is not None)


def test_all_cannot_be_skipped():
    with pytest.raises(SparseganError, match="5 of 5 images cannot be used"):
        decode_all(np.zeros((5, 3, 4, 4), np.uint8), broken(5, 5), WHITE, 10)


def test_a_damaged_entry_of_a_zip_leaves_the_others(tmp_path):
    files = {f"{i}.png": png(i) for i in range(5)}
    path = write_zip(tmp_path / "a.zip", files)
    content = bytearray(path.read_bytes())
    for i in (1, 3):
        with zipfile.ZipFile(path) as archive:
            start = archive.getinfo(f"{i}.png").header_offset
        # Its content, or its own header.
        content[start + (60 if i == 1 else 0)] ^= 255
    path.write_bytes(content)
    files = list(image_files(open_container(path), Paths.sort(files)))
    bad = [file.number for file in files if isinstance(file.content, BrokenImageError)]
    assert bad == [1, 3]


def scan(bits, form, mode="L"):
    levels = np.linspace(0, 2**bits - 1, 64).reshape(8, 8).astype(np.uint16)
    content = io.BytesIO()
    Image.fromarray(levels).save(content, form)
    return content.getvalue()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_scans_of_fewer_bits_are_told_of(form, bits):
    files = [ImageFile(i, str(i), scan(bits, form)) for i in range(3)]
    read = decode_all(np.zeros((4, 1, 4, 4), np.uint8), [*files, ImageFile(3, "3", png(99))], WHITE)
    assert (read.deep, read.peak) == (3, 2**bits - 1)
    assert any(f"scans of {bits} bits" in warning for warning in read.warnings) == (bits < 16)


def test_one_image_of_the_whole_range_is_enough():
    files = [ImageFile(i, str(i), scan(16 if i else 12, "PNG")) for i in range(3)]
    assert not decode_all(np.zeros((3, 1, 4, 4), np.uint8), files, WHITE).warnings
