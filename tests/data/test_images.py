import dataclasses

import pytest
import torch

from sparsegan.data import Images


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
