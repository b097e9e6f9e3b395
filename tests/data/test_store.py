import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sparsegan import machine
from sparsegan.data import store
from sparsegan.data.notes import Notes
from sparsegan.errors import SparseganError

KEY = "0" * 32
PLAN = store.Plan("toy", (4, 3, 2, 2), ("a", "b"), labelled=True)


def fill(pixels, labels):
    pixels[:] = np.arange(pixels.size).reshape(pixels.shape)
    labels[:] = [0, 1, 1, 0][: len(labels)]
    return pixels.shape[1]


def check(images, channels=3):
    expected = torch.arange(48).view(4, 3, 2, 2)[:, :channels]
    assert torch.equal(images.pixels.long(), expected)
    assert images.labels.tolist() == [0, 1, 1, 0]
    assert (images.class_names, images.name) == (("a", "b"), "toy")


def test_made_once(cache):
    check(store.load(KEY, "toy", lambda: (PLAN, fill)))
    check(store.load(KEY, "toy", lambda: 1 / 0))
    assert [path.name for path in (cache / "images").iterdir()] == [f"{KEY}.safetensors"]
    assert store.find("1" * 32, "toy") is None


@pytest.mark.usefixtures("cache")
def test_without_labels():
    images = store.build(KEY, store.Plan("toy", (4, 3, 2, 2), (), labelled=False), fill)
    assert (images.labels, images.class_names) == (None, ())
    assert store.find(KEY, "toy").labels is None


def test_one_channel_is_kept_of_grey_images(cache):
    def grey(pixels, labels):
        fill(pixels, labels)
        return 1

    check(store.build(KEY, PLAN, grey), channels=1)
    check(store.find(KEY, "toy"), channels=1)
    assert len(list((cache / "images").iterdir())) == 1


@pytest.mark.usefixtures("cache")
def test_what_is_written_to_a_tensor_stays_in_the_process():
    store.build(KEY, PLAN, fill).pixels.zero_()
    check(store.find(KEY, "toy"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is mapped")
def test_pixels_are_mapped_not_read(cache):
    size = 2**26
    plan = store.Plan("large", (size // 4096, 1, 64, 64), (), labelled=False)
    images = store.build(KEY, plan, lambda pixels, labels: 1)
    assert len(images.pixels) == size // 4096
    assert KEY in Path("/proc/self/maps").read_text()


def test_any_damage_is_noticed(cache):
    store.build(KEY, PLAN, fill)
    [path] = (cache / "images").iterdir()
    whole = path.read_bytes()
    for position in range(0, len(whole), 11):
        path.write_bytes(whole[:position])
        assert store.find(KEY, "toy") is None, f"cut at {position}"
    for position in range(8, len(whole), 2):
        damaged = bytearray(whole)
        damaged[position] ^= 0b100
        path.write_bytes(damaged)
        assert store.find(KEY, "toy") is None, f"changed at {position}"
    check(store.load(KEY, "toy", lambda: (PLAN, fill)))
    assert path.read_bytes() == whole


def test_full_disk_keeps_nothing(cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    check(store.build(KEY, PLAN, fill))
    assert list((cache / "images").iterdir()) == []


def test_images_that_neither_disk_nor_memory_hold_are_refused(cache, monkeypatch):
    (cache / "images").write_text("no folder")
    monkeypatch.setattr(machine, "memory", lambda: 47)
    with pytest.raises(SparseganError, match=r"^4 images of 2 x 2 pixels take .* data.image_size"):
        store.build(KEY, PLAN, fill)


def test_failure_leaves_no_file(cache):
    with pytest.raises(ZeroDivisionError):
        store.build(KEY, PLAN, lambda pixels, labels: 1 // 0)
    assert list((cache / "images").iterdir()) == []


@pytest.mark.parametrize("writable", [True, False])
def test_places_without_an_image_are_closed(cache, monkeypatch, writable):
    if not writable:
        (cache / "images").write_text("no folder")
    notes = Notes("some", ("a word",), ("x: broken",))

    def some(pixels, labels):
        fill(pixels, labels)
        return store.Filled(1, np.array([0, 2]), notes)

    images = store.build(KEY, PLAN, some)
    expected = torch.arange(48).view(4, 3, 2, 2)[[1, 3], :1]
    assert torch.equal(images.pixels.long(), expected)
    assert images.labels.tolist() == [1, 0]
    assert images.notes == notes
    if writable:
        assert store.find(KEY, "toy").notes == notes
