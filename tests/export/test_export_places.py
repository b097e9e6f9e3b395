import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparsegan.export import places


@given(arrays(np.bool_, st.integers(0, 300)))
def test_places_come_back(mask):
    form, stored = places.encode(mask)
    decoded = places.decode(form, stored, int(mask.sum()), len(mask))
    assert decoded.tolist() == np.flatnonzero(mask).tolist()


@given(st.sets(st.integers(0, 400_000), min_size=1, max_size=9))
def test_places_come_back_over_gaps_longer_than_16_bits(active):
    mask = np.zeros(400_001, np.bool_)
    mask[list(active)] = True
    form, stored = places.encode(mask)
    assert form == "gaps"
    assert places.decode(form, stored, len(active), len(mask)).tolist() == sorted(active)


@pytest.mark.parametrize("skipped", [65534, 65535, 65536, 2 * 65535])
def test_gaps_at_the_edge_of_16_bits(skipped):
    mask = np.zeros(200_000, np.bool_)
    mask[[skipped, skipped + 1]] = True
    form, stored = places.encode(mask)
    assert form == "gaps"
    assert len(stored) == 2 + skipped // 65535
    assert places.decode(form, stored, 2, len(mask)).tolist() == [skipped, skipped + 1]


@pytest.mark.parametrize(("density", "form"), [(0.5, "bits"), (0.07, "bits"), (0.05, "gaps")])
def test_the_shorter_form_is_taken(density, form):
    mask = np.zeros(8000, np.bool_)
    mask[: int(8000 * density)] = True
    assert places.encode(mask)[0] == form
    assert places.encode(mask)[1].nbytes == min(1000, 2 * mask.sum())


@pytest.mark.parametrize(
    ("form", "stored", "active", "size"),
    [
        ("bits", np.zeros(3, np.uint8), 0, 100),  # too short
        ("bits", np.full(2, 255, np.uint8), 5, 16),  # more places than values
        ("bits", np.zeros(2, np.uint16), 0, 16),
        ("bits", np.zeros((2, 1), np.uint8), 0, 16),
        ("gaps", np.array([3, 4], np.uint16), 1, 100),
        ("gaps", np.array([3, 4], np.uint16), 2, 8),  # the second place is 8
        ("gaps", np.array([65535] * 9 + [0], np.uint16), 1, 1000),
        ("gaps", np.array([3], np.int64), 1, 100),
    ],
)
def test_what_is_no_mask_of_the_size_is_refused(form, stored, active, size):
    with pytest.raises(ValueError, match=r"weights|type"):
        places.decode(form, stored, active, size)
