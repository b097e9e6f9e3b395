"""The whole of CIFAR-10 as JPEG files in a .tar.xz, where there is one."""

import os

import pytest

from sparsegan.data import load

PATH = os.environ.get("SPARSEGAN_CIFAR10")


@pytest.mark.skipif(PATH is None, reason="SPARSEGAN_CIFAR10 names no archive")
def test_archive_of_sixty_thousand_images(cache):
    train, test = (load("folder", PATH, split=split) for split in ("train", "test"))
    assert train.pixels.shape == (50_000, 3, 32, 32)
    assert test.pixels.shape == (10_000, 3, 32, 32)
    assert train.labels.bincount().tolist() == [5000] * 10
    assert test.labels.bincount().tolist() == [1000] * 10
    assert train.class_names[1:4] == ("automobile", "bird", "cat")
    # Published means of the training set's channels; JPEG hardly moves them.
    means = train.pixels.double().mean((0, 2, 3)) / 255
    assert means.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
    assert len(list((cache / "images").iterdir())) == 2
