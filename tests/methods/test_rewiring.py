"""Settings that all rewiring methods share."""

import pytest

from sparsegan import SparseganError
from sparsegan.methods.rewiring import RewiringSettings


def test_published_fractions_are_the_default():
    fraction = RewiringSettings().drop_fraction()
    assert (fraction(0, 100), fraction(100, 100)) == (0.5, 0.005)


@pytest.mark.parametrize(
    "wrong", [{"drop_start": 2.0}, {"drop_end": -1.0}, {"drop_shape": "square"}]
)
def test_wrong_fractions_are_refused_when_they_are_set(wrong):
    with pytest.raises(SparseganError, match=r"drop (fractions|schedule)"):
        RewiringSettings(**wrong)
