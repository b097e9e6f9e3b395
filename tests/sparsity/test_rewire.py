"""Drop, grow and resize against slow references: exact counts always, ties within the count."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import reference
from sparsegan import SparseganError
from sparsegan.sparsity import drop, exchange, grow, resize
from sparsegan.sparsity.rewire import Hybrid


@st.composite
def masked_scores(draw, tied):
    """(mask, scores) of up to 40 weights; tied scores come from three values only."""
    mask = draw(st.lists(st.booleans(), min_size=1, max_size=40))
    values = st.sampled_from([0.0, 1.0, 2.0]) if tied else st.floats(0, 1e6, width=32)
    return mask, draw(st.lists(values, min_size=len(mask), max_size=len(mask)))


def _check_choice(selected, sure, drawn, count):
    assert len(selected) == count
    assert sure <= selected <= sure | drawn


@given(st.booleans().flatmap(masked_scores), st.data())
def test_drop_takes_exactly_the_lowest(example, data):
    mask, values = example
    keep = [on and data.draw(st.booleans()) for on in mask]
    protected = {i for i, kept in enumerate(keep) if kept}
    count = data.draw(st.integers(0, sum(mask) - sum(keep)))
    after = drop(
        torch.tensor(mask), torch.tensor(values), count, keep=torch.tensor(keep), generator=_rng()
    )
    dropped = {i for i, on in enumerate(mask) if on and not after[i]}
    _check_choice(dropped, *reference.drop(mask, values, count, protected), count)
    assert not any(after[i] and not mask[i] for i in range(len(mask)))


@given(st.booleans().flatmap(masked_scores), st.data())
def test_grow_takes_exactly_the_highest(example, data):
    mask, values = example
    count = data.draw(st.integers(0, len(mask) - sum(mask)))
    after = grow(torch.tensor(mask), torch.tensor(values), count, generator=_rng())
    grown = {i for i, on in enumerate(mask) if not on and after[i]}
    _check_choice(grown, *reference.grow(mask, values, count), count)
    assert all(after[i] for i in range(len(mask)) if mask[i])


shares = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(masked_scores(tied=False), shares, st.data())
def test_hybrid_growth_takes_its_share_by_one_score_and_the_rest_by_the_other(example, share, data):
    mask, _ = example
    scores = [data.draw(st.permutations(range(len(mask)))) for _ in range(2)]
    count = data.draw(st.integers(0, len(mask) - sum(mask)))
    hybrid = Hybrid(*(torch.tensor(values, dtype=torch.float32) for values in scores), share)
    expected = list(mask)
    for values, part in zip(scores, (int(share * count), count - int(share * count)), strict=True):
        inactive = [i for i in range(len(mask)) if not expected[i]]
        for i in sorted(inactive, key=lambda i: -values[i])[:part]:
            expected[i] = True
    assert grow(torch.tensor(mask), hybrid, count).tolist() == expected
    assert resize(torch.tensor(mask), hybrid, sum(mask) + count).tolist() == expected


@given(masked_scores(tied=True), shares, st.data())
def test_hybrid_growth_of_blocks_keeps_every_size_and_nears_the_count(example, share, data):
    mask, values = example
    sizes = [data.draw(st.sampled_from([1, 3, 4])) for _ in mask]
    by = torch.tensor(values)
    hybrid = Hybrid(by, by.flip(0), share)
    before = torch.tensor(mask)
    count = data.draw(st.integers(0, sum(mask)))
    after = exchange(before, by, hybrid, count, sizes=torch.tensor(sizes), generator=_rng())
    for size in set(sizes):
        of_size = torch.tensor(sizes) == size
        assert int((after & of_size).sum()) == int((before & of_size).sum())
    weights = sum(s for s, on in zip(sizes, mask, strict=True) if on)
    aim = data.draw(st.integers(weights, sum(sizes)))
    grown = resize(before, hybrid, aim, sizes=torch.tensor(sizes), generator=_rng())
    assert bool((before <= grown).all())
    assert abs(int(torch.tensor(sizes)[grown].sum()) - aim) <= 2


def test_hybrid_scores_are_to_grow_by():
    hybrid = Hybrid(torch.zeros(3), torch.zeros(3), 0.5)
    with pytest.raises(SparseganError, match="hybrid scores are to grow by"):
        resize(torch.ones(3, dtype=torch.bool), hybrid, 2)


@given(st.booleans().flatmap(masked_scores), st.data())
def test_resize_reaches_the_count_by_growing_or_dropping_alone(example, data):
    mask, values = example
    to_count = data.draw(st.integers(0, len(mask)))
    before = torch.tensor(mask)
    after = resize(before, torch.tensor(values), to_count, generator=_rng())
    assert int(after.sum()) == to_count
    assert bool((before & ~after).any()) <= (to_count < sum(mask))
    assert bool((after & ~before).any()) <= (to_count > sum(mask))


@given(st.booleans().flatmap(masked_scores), st.data())
def test_exchange_grows_as_many_of_each_size_as_it_drops(example, data):
    mask, values = example
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=len(mask), max_size=len(mask)))
    grow_by = data.draw(st.permutations(range(len(mask))))
    count = data.draw(st.integers(0, sum(mask)))
    before, weigh = torch.tensor(mask), torch.tensor(sizes)
    left = drop(before, torch.tensor(values), count, generator=_rng(7))
    after = exchange(
        before, torch.tensor(values), torch.tensor(grow_by), count, sizes=weigh, generator=_rng(7)
    )
    for size in range(1, 5):
        of_size = weigh == size
        lost = before & ~left & of_size
        assert int((after & of_size).sum()) == int((before & of_size).sum())
        sure, drawn = reference.grow(
            [bool(on) or not ours for on, ours in zip(left, of_size, strict=True)],
            grow_by,
            int(lost.sum()),
        )
        grown = {i for i in range(len(mask)) if of_size[i] and after[i] and not left[i]}
        _check_choice(grown, sure, drawn, int(lost.sum()))


def test_exchange_of_single_weights_is_drop_and_grow():
    mask, scores, other = torch.arange(30) % 3 == 0, torch.arange(30) % 4, torch.arange(30) % 5
    left = drop(mask, scores, 4, generator=(rng := _rng(3)))
    assert torch.equal(
        exchange(mask, scores, other, 4, generator=_rng(3)), grow(left, other, 4, generator=rng)
    )


@given(st.booleans().flatmap(masked_scores), st.data())
def test_resize_of_blocks_comes_nearest_to_the_count_in_the_order_of_scores(example, data):
    mask, values = example
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=len(mask), max_size=len(mask)))
    to_count = data.draw(st.integers(0, sum(sizes)))
    before, weigh, scores = torch.tensor(mask), torch.tensor(sizes), torch.tensor(values)
    after = resize(before, scores, to_count, sizes=weigh, generator=_rng())
    active = int(weigh[before].sum())
    assert bool((before & ~after).any()) <= (to_count < active)
    assert bool((after & ~before).any()) <= (to_count > active)
    missed = int(weigh[after].sum()) - to_count
    assert -2 <= missed <= 2
    if to_count >= active and len(set(values)) == len(values):
        nothing = [0.0] * len(mask)
        expected = reference.resize_units(nothing, sizes, mask, nothing, values, to_count)
        assert after.tolist() == expected


def test_of_two_numbers_of_blocks_that_are_as_near_the_smaller_is_active():
    sizes, scores = torch.full((4,), 4), torch.arange(4.0)
    none, everything = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    for start in (none, everything):
        for to_count, active in [(0, 0), (1, 0), (2, 0), (3, 4), (6, 4), (7, 8), (16, 16)]:
            assert int(sizes[resize(start, scores, to_count, sizes=sizes)].sum()) == active


def test_smaller_blocks_make_up_for_what_whole_ones_miss():
    sizes, last = torch.tensor([4, 4, 4, 1, 1]), torch.tensor([1.0, 2.0, 3.0, 8.0, 9.0])
    none, everything = torch.zeros(5, dtype=torch.bool), torch.ones(5, dtype=torch.bool)
    for to_count in (0, 4, 5, 6, 8, 9, 10, 12, 13, 14):
        for start, scores in ((none, -last), (everything, last)):
            assert int(sizes[resize(start, scores, to_count, sizes=sizes)].sum()) == to_count


def test_equal_scores_of_blocks_fall_at_random_and_follow_the_generator():
    mask, values, sizes = torch.zeros(50, dtype=torch.bool), torch.zeros(50), torch.full((50,), 4)
    one, same, other = (
        resize(mask, values, 20, sizes=sizes, generator=_rng(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_shapes_and_devices_are_kept(device):
    mask = torch.zeros(3, 4, 2, dtype=torch.bool, device=device)
    values = torch.arange(24.0, device=device).view(3, 4, 2)
    grown = grow(mask, values, 5, generator=_rng())
    assert grown.shape == mask.shape
    assert grown.device == mask.device
    assert grown.flatten().nonzero().flatten().tolist() == [19, 20, 21, 22, 23]
    left = drop(grown, values, 2, generator=_rng())
    assert left.flatten().nonzero().flatten().tolist() == [21, 22, 23]
    assert not mask.any()  # pure: the arguments stay as they were


def test_ties_fall_at_random_and_follow_the_generator(device):
    mask, values = torch.zeros(50, dtype=torch.bool), torch.zeros(50)
    masks = [
        grow(mask.to(device), values.to(device), 5, generator=_rng(seed)).cpu()
        for seed in (0, 0, 1)
    ]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    hits = sum(grow(mask, values, 5, generator=_rng(seed)).int() for seed in range(1000))
    # Binomial(1000, 1/10): mean 100, deviation 9.5; five deviations hold for all 50 places.
    assert int((hits - 100).abs().max()) < 48


def test_a_score_that_is_no_number_is_taken_last():
    values = torch.tensor([math.nan, 1.0, math.nan, 0.0])
    everything, nothing = torch.ones(4, dtype=torch.bool), torch.zeros(4, dtype=torch.bool)
    assert drop(everything, values, 2).tolist() == [True, False, True, False]
    assert grow(nothing, values, 2).tolist() == [False, True, False, True]


@pytest.mark.parametrize("count", [-1, 3])
def test_more_than_there_is_is_refused(count):
    mask = torch.tensor([True, True, False])
    with pytest.raises(SparseganError, match="cannot choose"):
        drop(mask, torch.zeros(3), count)
    with pytest.raises(SparseganError, match="cannot choose"):
        grow(~mask, torch.zeros(3), count)


def test_more_weights_than_the_blocks_have_are_refused():
    mask, sizes = torch.tensor([True, False]), torch.tensor([4, 3])
    with pytest.raises(SparseganError, match="cannot choose 4 of 3 weights"):
        resize(mask, torch.zeros(2), 8, sizes=sizes)
    with pytest.raises(SparseganError, match="cannot choose 4 of 0 weights"):
        resize(mask, torch.zeros(2), 0, sizes=sizes, keep=mask)


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)
