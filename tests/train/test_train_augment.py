import numpy as np
import pytest
import torch

from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.train.augment import augment, augmentation_numbers

ALL = ("color", "translation", "cutout")
SHAPES = [(5, 3, 16, 16), (4, 1, 28, 28), (3, 3, 9, 14), (2, 1, 2, 3), (1, 3, 1, 1)]


def slow_color(image, row):
    """One image (C, H, W), one row of draws, in float64."""
    image = image + (row[0] - 0.5)
    grey = image.mean(0)
    image = np.stack([grey + 2 * row[1] * (channel - grey) for channel in image])
    return image.mean() + (0.5 + row[2]) * (image - image.mean())


def slow_translation(image, row):
    _, height, width = image.shape
    far_y, far_x = int(height / 8 + 0.5), int(width / 8 + 0.5)
    dy = int(row[3] * (2 * far_y + 1)) - far_y
    dx = int(row[4] * (2 * far_x + 1)) - far_x
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            if 0 <= y - dy < height and 0 <= x - dx < width:
                result[:, y, x] = image[:, y - dy, x - dx]
    return result


def slow_cutout(image, row):
    _, height, width = image.shape
    result = image.copy()
    box_y, box_x = int(height / 2 + 0.5), int(width / 2 + 0.5)
    middle_y = int(row[5] * (height + 1 - box_y % 2))
    middle_x = int(row[6] * (width + 1 - box_x % 2))
    for y in range(middle_y - box_y // 2, middle_y - box_y // 2 + box_y):
        for x in range(middle_x - box_x // 2, middle_x - box_x // 2 + box_x):
            if 0 <= y < height and 0 <= x < width:
                result[:, y, x] = 0
    return result


SLOW = {"color": slow_color, "translation": slow_translation, "cutout": slow_cutout}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("policy", [*[(name,) for name in ALL], ALL, ("cutout", "translation")])
def test_a_batch_is_changed_as_image_by_image(shape, policy):
    generator = stream(0, "augment", *shape)
    images = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1
    for _ in range(8):
        numbers = augmentation_numbers(len(images), generator)
        expected = images.numpy()
        for name in policy:
            rows = zip(expected, numbers.double().numpy(), strict=True)
            expected = np.stack([SLOW[name](image, row) for image, row in rows])
        augmented = augment(images, policy, numbers)
        np.testing.assert_allclose(augmented.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_the_extremes_are_the_published_ones():
    lowest, highest = torch.zeros(1, 7), torch.full((1, 7), 1 - 2**-24)
    images = torch.rand(1, 3, 32, 32, generator=stream(1)) + 1
    for numbers, far in ((lowest, -4), (highest, 4)):
        moved = augment(images, ("translation",), numbers)
        rolled = torch.roll(images, (far, far), (2, 3))
        assert torch.equal(moved[moved != 0], rolled[moved != 0])
        assert int((moved[0, 0] != 0).sum()) == 28 * 28
    for numbers, corner in ((lowest, (slice(8), slice(8))), (highest, (slice(24, 32),) * 2)):
        cut = augment(images, ("cutout",), numbers)
        assert not cut[:, :, *corner].any()
        assert int((cut[0, 0] == 0).sum()) == 64, "the box is half outside at either corner"
    middle = augment(images, ("cutout",), torch.full((1, 7), 0.5))
    assert int((middle[0, 0] == 0).sum()) == 16 * 16
    assert not middle[:, :, 8:24, 8:24].any()


def test_every_place_comes_up_about_equally_often():
    images = torch.zeros(4000, 1, 17, 17)
    images[:, :, 8, 8] = 1
    moved = augment(images, ("translation",), augmentation_numbers(4000, stream(2)))
    counts = moved.sum((0, 1))[6:11, 6:11]
    assert counts.sum() == 4000, "an eighth of 17 is 2 pixels each way"
    assert (counts / 160 - 1).abs().max() < 0.3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", [*[(name,) for name in ALL], ALL])
def test_gradients_pass_through(channels, policy):
    numbers = augmentation_numbers(2, stream(3, *policy))
    images = torch.rand(2, channels, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: augment(x, policy, numbers), images)
    assert torch.autograd.gradgradcheck(lambda x: augment(x, policy, numbers), images)


def test_an_image_depends_on_its_own_draws_alone():
    images = torch.rand(6, 3, 8, 8) * 2 - 1
    numbers = augmentation_numbers(6, stream(4))
    whole = augment(images, ALL, numbers)
    parts = [augment(*part) for part in zip(images.split(2), [ALL] * 3, numbers.split(2))]  # noqa: B905
    assert torch.equal(whole, torch.cat(parts))
    assert torch.equal(whole, augment(images, ALL, numbers))
    assert not torch.equal(whole, augment(images, ALL, augmentation_numbers(6, stream(5))))


def test_no_policy_gives_the_very_images():
    images = torch.rand(2, 3, 8, 8)
    assert augment(images, (), augmentation_numbers(2, stream(6))) is images


def test_the_input_and_the_global_random_state_are_left_alone():
    images = torch.rand(4, 3, 8, 8)
    before, state = images.clone(), torch.get_rng_state()
    augment(images, ALL, augmentation_numbers(4, stream(7)))
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_unknown_change_is_refused():
    with pytest.raises(SparseganError, match="no change 'colour': choose of color, translation"):
        augment(torch.zeros(1, 1, 4, 4), ("colour",), augmentation_numbers(1, stream(8)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_images_and_repeats_its_gradients():
    images = torch.rand(8, 3, 32, 32) * 2 - 1
    numbers = augmentation_numbers(8, stream(9))
    there = images.cuda().requires_grad_()
    augmented = augment(there, ALL, numbers)
    torch.testing.assert_close(augmented.cpu(), augment(images, ALL, numbers), rtol=1e-5, atol=1e-6)
    first, second = (
        torch.autograd.grad(augmented.square().sum(), there, retain_graph=True)[0] for _ in range(2)
    )
    assert torch.equal(first, second)
