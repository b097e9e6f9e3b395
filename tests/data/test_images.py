import dataclasses

import pytest
import torch

from sparsegan.data import Images
from sparsegan.errors import SparseganError


def make(pixels=None, labels=(0, 1)):
    pixels = (
        torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
        if pixels is None
        else pixels
    )
    labels = None if labels is None else torch.tensor(labels)
    return Images(pixels, labels, ("a", "b"), "made")


def test_fingerprint_is_of_the_content():
    fingerprint = make().fingerprint
    assert len(fingerprint) == 16
    assert int(fingerprint, 16) >= 0
    assert make().fingerprint == fingerprint
    assert dataclasses.replace(make(), name="other").fingerprint == fingerprint
    pixels = make().pixels
    changed = pixels.clone()
    changed[1, 2, 3, 3] += 1
    others = [make(changed), make(pixels.view(2, 3, 2, 8)), make(labels=(1, 0)), make(labels=None)]
    assert len({fingerprint, *(other.fingerprint for other in others)}) == 5


def test_frozen_and_counted():
    images = make()
    assert len(images) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        images.name = "other"


def test_of_some_classes_the_images_of_those_alone():
    pixels = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1)
    images = Images(pixels, torch.tensor([2, 0, 1, 0, 2]), ("a", "b", "c"), "made")
    selected = images.of_classes(["c", "a"])
    assert selected.pixels.flatten().tolist() == [0, 1, 3, 4]
    assert selected.labels.tolist() == [0, 1, 1, 0]
    assert (selected.class_names, selected.name) == (("c", "a"), "made")
    assert images.of_classes(("a", "b", "c")) is images
    with pytest.raises(SparseganError, match=r"made has no class d: did you mean [abc]\?"):
        images.of_classes(["a", "d"])


def test_images_without_classes_have_none_to_choose():
    images = Images(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), None, (), "made")
    with pytest.raises(SparseganError, match=r"made has no class a: leave data\.classes out"):
        images.of_classes(["a"])


def test_images_of_unknown_classes_cannot_be_told_apart():
    images = Images(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), None, ("a", "b"), "toy")
    assert images.of_classes(("a", "b")) is images
    with pytest.raises(SparseganError, match="held-out images without a class"):
        images.of_classes(("a",))
