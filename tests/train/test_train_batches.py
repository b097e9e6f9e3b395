from dataclasses import replace

import pytest
import torch

from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train.batches import Batches
from tiny_run import config

CPU = torch.device("cpu")


@pytest.fixture
def images():
    pixels = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1).expand(40, 1, 2, 2).clone()
    pixels[..., 1] += 100  # so that mirrored images can be told
    return data.Images(pixels, None, (), "numbers")


def batches(images, rank=0, world_size=1, *flags):
    return Batches(images, config("unused", *flags), rank, world_size, CPU)


def test_the_ranks_share_the_global_batch_in_order(images):
    (whole,) = batches(images).real(3, 1)
    parts = [batches(images, rank, 2).real(3, 1)[0] for rank in range(2)]
    assert torch.equal(torch.cat(parts), whole)


def test_every_discriminator_step_has_the_next_batch_of_the_epoch(images):
    source = batches(images)
    seen = torch.cat([source.real(step, k)[0] for step in (1, 2, 3) for k in (0, 1)])[:40]
    assert seen[:, 0, 0, 0].unique().numel() == 40


def test_numbers_are_functions_of_step_and_rank(images):
    def numbers(rank, step, k):
        source = batches(images, rank, 2)
        return (
            *source.latents(step, k),
            *source.generator_latents(step),
            source.random_numbers(step, k),
        )

    same, again = numbers(0, 1, 0), numbers(0, 1, 0)
    assert all(torch.equal(a, b) for a, b in zip(same, again, strict=True))
    for other in (numbers(1, 1, 0), numbers(0, 2, 0)):
        assert not any(torch.equal(a, b) for a, b in zip(same, other, strict=True))
    assert not torch.equal(numbers(0, 1, 0)[0], numbers(0, 1, 1)[0])
    assert same[0].shape == (4, 8)
    assert same[1].shape == (3, 8)
    assert same[2].shape == (4,)


def test_flips_mirror_about_half(images):
    straight = batches(images)
    flipped = batches(images, 0, 1, "--data.flip", "true")
    turned = []
    for step in range(1, 21):
        (a,), (b,) = straight.real(step, 0), flipped.real(step, 0)
        mirrored = (a.flip(-1) == b).all((1, 2, 3))
        assert ((a == b).all((1, 2, 3)) ^ mirrored).all()
        turned.append(mirrored.float())
    assert 0.3 < torch.cat(turned).mean() < 0.7


@pytest.mark.parametrize(
    ("sizes", "accumulate", "remedy"),
    [
        ((41, 8), 1, "train with --batch_size 40 or less"),
        ((64, 64), 1, "train with --batch_size 40 --generator_batch_size 40 or less"),
        ((63, 3), 3, "train with --batch_size 39 or less"),
        ((44, 44), 44, "add more images$"),
    ],
)
def test_a_batch_of_more_images_than_there_are_names_what_helps(images, sizes, accumulate, remedy):
    flags = ["--batch_size", sizes[0], "--generator_batch_size", sizes[1]]
    arguments = map(str, [*flags, "--accumulate", accumulate])
    with pytest.raises(
        SparseganError, match=f"numbers has only 40 images to learn from: .*{remedy}"
    ):
        batches(images, 0, 1, *arguments)


def test_batches_that_cannot_be_shared_are_refused(images):
    with pytest.raises(SparseganError, match=r"batch_size is 8 for 3 processes: .* multiple of 3"):
        batches(images, 0, 3)
    with pytest.raises(SparseganError, match="generator_batch_size is 6 for 4"):
        batches(images, 0, 4)


def test_more_than_there_is_cannot_be_a_batch(images):
    few = replace(images, pixels=images.pixels[:5])
    with pytest.raises(SparseganError, match="only 5 images"):
        batches(few)


def test_further_discriminator_steps_see_all_images_and_leave_the_others_as_they_are(images):
    source = batches(images)
    usual = [source.real(step, k)[0] for step in (1, 2) for k in (0, 1)]
    further = [source.real(step, 2)[0] for step in range(1, 6)]
    assert torch.cat(further)[:, 0, 0, 0].unique().numel() == 40
    assert not any(torch.equal(one, other) for one in further for other in usual)
    assert not torch.equal(source.real(1, 3)[0], further[0])
    assert torch.equal(batches(images).real(1, 2)[0], further[0])
