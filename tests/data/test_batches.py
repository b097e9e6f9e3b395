import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan.data import batch_indices, to_float
from sparsegan.errors import SparseganError


@given(count=st.integers(1, 40), batch_size=st.integers(1, 100), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_batches_in_a_row_are_permutations_in_a_row(count, batch_size, seed):
    steps = 3 * count // batch_size + 2
    run = torch.cat([batch_indices(count, batch_size, step, seed) for step in range(steps)])
    assert run.dtype == torch.int64
    assert len(run) == steps * batch_size
    for epoch in run[: len(run) // count * count].view(-1, count):
        assert epoch.sort().values.tolist() == list(range(count))
    rest = run[len(run) // count * count :]
    assert len(rest.unique()) == len(rest)


def test_function_of_its_arguments_alone():
    before = torch.get_rng_state()
    late = batch_indices(100, 8, 1000, seed=1)
    batch_indices(100, 8, 0, seed=2)
    assert torch.equal(batch_indices(100, 8, 1000, seed=1), late)
    assert not torch.equal(batch_indices(100, 8, 1000, seed=2), late)
    assert torch.equal(torch.get_rng_state(), before)


def test_epochs_differ():
    assert not torch.equal(batch_indices(100, 100, 0, 0), batch_indices(100, 100, 1, 0))


def test_a_batch_that_is_changed_changes_no_other():
    batch = batch_indices(10, 10, 0, 0)
    expected = batch.clone()
    batch.zero_()
    assert torch.equal(batch_indices(10, 10, 0, 0), expected)


@pytest.mark.parametrize(("count", "batch_size", "step"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_bad_arguments_are_refused(count, batch_size, step):
    with pytest.raises(SparseganError, match="batch"):
        batch_indices(count, batch_size, step, 0)


def test_bytes_to_floats():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    floats = to_float(levels)
    assert floats.dtype == torch.float32
    assert (floats.min(), floats.max()) == (-1, 1)
    torch.testing.assert_close(floats, levels.double().div(127.5).sub(1).float())
    assert torch.equal(((floats + 1) * 127.5).round().to(torch.uint8), levels)


def test_flip_mirrors_the_chosen_images_only():
    pixels = torch.arange(24, dtype=torch.uint8).view(2, 1, 3, 4)
    kept = pixels.clone()
    floats = to_float(pixels, flip=torch.tensor([False, True]))
    assert torch.equal(floats[0], to_float(pixels)[0])
    assert torch.equal(floats[1], to_float(pixels)[1].flip(-1))
    assert torch.equal(pixels, kept)


def test_only_bytes_are_pixels():
    with pytest.raises(SparseganError, match="uint8"):
        to_float(torch.zeros(1, 1, 2, 2))
