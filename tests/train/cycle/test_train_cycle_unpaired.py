import pytest
import torch

from cycle_run import config, write_set
from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train.cycle import unpaired
from sparsegan.train.cycle.unpaired import CycleBatches, Unpaired

CPU = torch.device("cpu")


def numbered(count, name):
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return data.Images(pixels, None, (), name)


def batches_of(a, b, *flags, rank=0, world_size=1):
    actual = Unpaired(numbered(a, "A"), numbered(b, "B"))
    return CycleBatches(actual, config("unused", "unused", *flags), rank, world_size, CPU)


def numbers(side):
    return ((side.flatten() + 1) * 127.5).round().int().tolist()


def test_every_image_of_either_set_is_met_once_in_an_epoch_of_its_own():
    batches = batches_of(6, 4)
    a, b = zip(*(batches.real(step, 0) for step in range(1, 13)), strict=True)
    a, b = numbers(torch.cat(a)), numbers(torch.cat(b))
    for epoch in range(2):
        assert sorted(a[6 * epoch : 6 * epoch + 6]) == list(range(6))
    for epoch in range(3):
        assert sorted(b[4 * epoch : 4 * epoch + 4]) == list(range(4))


def test_images_have_no_fixed_partner():
    batches = batches_of(50, 50)
    a, b = zip(*(batches.real(step, 0) for step in range(1, 101)), strict=True)
    together = list(zip(numbers(torch.cat(a)), numbers(torch.cat(b)), strict=True))
    assert len(set(together)) > 90


def test_generators_meet_the_images_of_the_discriminators_step():
    batches = batches_of(9, 9)
    for mine, theirs in zip(batches.generator_latents(4), batches.real(4, 0), strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(batches.latents(4, 0), batches.real(4, 0), strict=True):
        assert torch.equal(mine, theirs)
    larger = batches_of(9, 9, "--generator_batch_size", "3", "--discriminator_steps", "2")
    assert [len(side) for side in larger.generator_latents(1)] == [3, 3]
    assert [len(side) for side in larger.real(1, 1)] == [1, 1]


def test_processes_share_a_batch():
    flags = ["--batch_size", "4", "--generator_batch_size", "4"]
    whole = batches_of(9, 9, *flags)
    shares = [batches_of(9, 9, *flags, rank=rank, world_size=2) for rank in range(2)]
    for kind in ("real", "latents"):
        parts = [getattr(share, kind)(3, 0) for share in shares]
        for side, together in enumerate(getattr(whole, kind)(3, 0)):
            assert torch.equal(torch.cat([part[side] for part in parts]), together)
    chances = [share.random_numbers(3, 0) for share in shares]
    assert chances[0].shape == (2, 2, 2)
    assert not torch.equal(*chances)
    assert torch.equal(chances[0], shares[0].random_numbers(3, 0))
    assert not torch.equal(chances[0], shares[0].random_numbers(4, 0))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("squares"))


def test_test_images_are_what_is_held_out(source):
    selected = config(source, "unused")
    train = unpaired.load_images(selected)
    known, held_out = unpaired.held_out(selected, train)
    assert known is train
    assert [len(side) for side in held_out.sides] == [3, 4]
    assert held_out.a.name.endswith("testA")
    assert held_out.fingerprint != train.fingerprint
    assert len(train) == 4


def test_without_test_images_the_training_images_are_shared_out(tmp_path):
    selected = config(write_set(tmp_path, splits=("train",), each=(5, 4)), "unused")
    train = unpaired.load_images(selected)
    known, held_out = unpaired.held_out(selected, train)
    assert [len(side) for side in known.sides] == [3, 2]
    assert [len(side) for side in held_out.sides] == [2, 2]
    for side in range(2):
        both = torch.cat([known.sides[side].pixels, held_out.sides[side].pixels])
        assert len(both.unique(dim=0)) == len(train.sides[side])


def test_one_image_cannot_be_shared_out(tmp_path):
    selected = config(write_set(tmp_path, splits=("train",), each=(1, 4)), "unused")
    with pytest.raises(SparseganError, match="trainA has 1 image: add more"):
        unpaired.held_out(selected, unpaired.load_images(selected))


def test_half_a_test_set_is_refused(tmp_path):
    source = write_set(tmp_path)
    for file in (source / "testB").iterdir():
        file.unlink()
    selected = config(source, "unused")
    with pytest.raises(SparseganError, match="folder testB"):
        unpaired.held_out(selected, unpaired.load_images(selected))


def test_without_a_size_images_have_the_published_one(source):
    actual = unpaired.load_images(config(source, "unused", "--data.image_size", "null"))
    assert {tuple(side.pixels.shape[1:]) for side in actual.sides} == {(3, 256, 256)}


def test_a_missing_path_is_named():
    with pytest.raises(SparseganError, match=r"data\.path is missing.*--data\.path"):
        unpaired.load_images(config("unused", "unused", "--data.path", "null"))
