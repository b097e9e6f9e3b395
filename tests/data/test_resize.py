import numpy as np
import pytest
from PIL import Image

from sparsegan.data.resize import resize_into

RNG = np.random.default_rng(0)


def test_same_shape_is_copied():
    images = RNG.integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    target = np.zeros_like(images)
    resize_into(target, images)
    assert (target == images).all()


@pytest.mark.parametrize("size", [4, 8, 20])
def test_every_image_is_pillows_lanczos(size):
    images = RNG.integers(0, 256, (3, 3, 8, 8), dtype=np.uint8).swapaxes(2, 3)
    target = np.zeros((3, 3, size, size), np.uint8)
    resize_into(target, images)
    for actual, image in zip(target, images, strict=True):
        whole = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        expected = np.asarray(whole.resize((size, size), Image.Resampling.LANCZOS))
        assert (actual.transpose(1, 2, 0) == expected).all()


def test_grey_and_colour():
    grey = RNG.integers(0, 256, (2, 1, 8, 8), dtype=np.uint8)
    colour = np.zeros((2, 3, 8, 8), np.uint8)
    resize_into(colour, grey)
    assert (colour == grey).all()
    back = np.zeros_like(grey)
    resize_into(back, colour)
    assert (back == grey).all()
    stripes = np.zeros((1, 1, 64, 64), np.uint8)
    stripes[..., ::2] = 255
    small = np.zeros((1, 1, 8, 8), np.uint8)
    resize_into(small, stripes)
    assert np.abs(small[..., 2:-2].astype(int) - 127).max() <= 3
