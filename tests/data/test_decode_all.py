import numpy as np
import pytest
from official_sets import png, write_folder, write_tar

from sparsegan.data import decode_all as module
from sparsegan.data.container import open_container
from sparsegan.data.decode import WHITE
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
