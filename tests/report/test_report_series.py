import math

from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report.series import bulk, frame, sample, thin, ticks

values = st.one_of(st.none(), st.floats(-1e6, 1e6))
curves = st.lists(values, max_size=400).map(lambda ys: list(enumerate(ys)))


def known(points):
    return [value for _, value in points if value is not None]


@given(curves, st.integers(4, 60))
def test_thinning_keeps_extremes_ends_and_order(points, limit):
    kept = thin(points, limit)
    assert len(kept) <= max(limit, 0) or kept == points
    assert set(kept) <= set(points)
    assert [step for step, _ in kept] == sorted({step for step, _ in kept})
    assert kept[:1] == points[:1]
    assert kept[-1:] == points[-1:]
    if known(points):
        assert max(known(kept)) == max(known(points))
        assert min(known(kept)) == min(known(points))


def test_thinning_keeps_a_single_spike_and_a_long_gap():
    points = [(step, 0.0) for step in range(100_000)]
    points[54_321] = (54_321, 9.0)
    points[70_000:71_000] = [(step, None) for step in range(70_000, 71_000)]
    kept = thin(points)
    assert len(kept) <= 600
    assert (54_321, 9.0) in kept
    assert any(value is None for _, value in kept)


def test_short_curves_are_kept_whole():
    points = [(1, 2.0), (2, None), (3, 1.0)]
    assert thin(points) == points
    assert sample(points) == points


@given(curves, st.integers(1, 50))
def test_a_sample_is_a_subset_of_at_most_the_limit(points, limit):
    kept = sample(points, limit)
    assert len(kept) == min(limit, len(points))
    assert set(kept) <= set(points)


@given(st.lists(st.floats(-1e6, 1e6), max_size=200), st.lists(st.floats(-10, 10), max_size=2))
def test_a_frame_holds_the_bulk_and_every_anchor(ys, anchors):
    low, high = frame(ys, anchors)
    assert low < high
    assert all(low <= anchor <= high for anchor in anchors)
    if ys:
        assert low <= bulk(ys)[0]
        assert bulk(ys)[1] <= high


def test_a_frame_leaves_out_a_wild_value_among_many_but_not_among_few():
    calm = [0.5 + 0.01 * math.sin(index) for index in range(100)]
    assert frame([*calm, 1e6])[1] < 0.6
    assert frame([0.5, 0.6, 1e6]) == (0.5, 1e6)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_even_and_inside(low, width):
    marks = ticks(low, low + width)
    slack = 1e-6 * max(width, abs(low))
    assert 2 <= len(marks) <= 11
    assert all(low - slack <= tick <= low + width + slack for tick in marks)
    distance = marks[1] - marks[0]
    mantissa = distance / 10 ** math.floor(math.log10(distance * 1.0001))
    assert min(abs(mantissa - nice) for nice in (1, 2, 5)) < 1e-3


def test_ticks_of_a_usual_axis():
    assert ticks(0, 20_000) == [0, 5000, 10_000, 15_000, 20_000]
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
