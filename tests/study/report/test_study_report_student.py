import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.study.report.student import interval, quantile, within

# Two-sided 95 % and 99 % points as any table of Student's t has them.
POINTS = {1: (12.706, 63.657), 2: (4.303, 9.925), 3: (3.182, 5.841), 4: (2.776, 4.604)}
POINTS |= {5: (2.571, 4.032), 9: (2.262, 3.250), 10: (2.228, 3.169), 30: (2.042, 2.750)}


@pytest.mark.parametrize("degrees", POINTS)
def test_quantiles_are_those_of_the_tables(degrees):
    values = [quantile(level, degrees) for level in (0.95, 0.99)]
    assert values == pytest.approx(POINTS[degrees], abs=6e-4)


@given(st.integers(1, 40), st.floats(0.0, 20.0))
def test_probabilities_are_the_integral_of_the_density(degrees, t):
    def density(x):
        log = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
        return (
            math.exp(log)
            / math.sqrt(degrees * math.pi)
            * (1 + x * x / degrees) ** (-(degrees + 1) / 2)
        )

    n = 2000  # Simpson's rule
    width = 2 * t / n
    weights = [1, *([4, 2] * n)[: n - 1], 1]
    area = sum(w * density(-t + i * width) for i, w in enumerate(weights)) * width / 3
    assert within(t, degrees) == pytest.approx(area, abs=1e-6)


def test_an_interval_by_hand():
    # Mean 2, standard deviation 1, error 1/√3, t of 2 degrees 4.303.
    by_hand = interval([1.0, 2.0, 3.0])
    assert (by_hand.mean, by_hand.number) == (2.0, 3)
    assert (by_hand.low, by_hand.high) == pytest.approx(
        (2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), 1e-4
    )
    assert not by_hand.excludes_zero
    assert interval([1.0, 1.1, 1.2]).excludes_zero


def test_one_number_has_no_interval():
    single = interval([5.0])
    assert (single.mean, single.low, single.high, single.number) == (5.0, None, None, 1)
    assert not single.excludes_zero
