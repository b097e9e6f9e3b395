import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report import format as text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.0213, "0.0213"),
        (0.3, "0.300"),
        (0.0012, "0.00120"),
        (-1.5, "-1.50"),
        (99.96, "100"),
        (1234.5, "1,234"),
        (8.8e16, "8.80 × 10¹⁶"),
        (3e-7, "3.00 × 10⁻⁷"),
        (9.9999, "10.0"),
    ],
)
def test_figure(value, text):
    assert text_of.figure(value) == text


@given(st.floats(1e-12, 1e18))
def test_a_figure_is_right_to_three_digits(value):
    text = text_of.figure(value).replace(",", "")
    if "×" in text:
        mantissa, power = text.split(" × 10")
        text = f"{mantissa}e{power.translate(str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789'))}"
    assert float(text) == pytest.approx(value, rel=6e-3)


def test_counts_shares_durations_and_sizes():
    assert text_of.count(2_628_352) == "2,628,352"
    assert text_of.percent(0.3667) == "36.7\u00a0%"
    assert text_of.percent(0.00123) == "0.123\u00a0%"
    assert text_of.percent(0) == "0.0\u00a0%"
    assert text_of.seconds(0.031) == "31.0 ms"
    assert text_of.seconds(620.4) == "10 min"
    assert text_of.seconds(8000) == "2 h 13 min"
    assert text_of.size(512) == "512 B"
    assert text_of.size(10_522_880) == "10.0 MiB"
    assert [text_of.short(step) for step in (0, 500, 20_000, 1.5e6)] == ["0", "500", "20k", "1.5M"]
    assert [text_of.short(number) for number in (2e9, 3e12, 4e15, 5e18)] == ["2G", "3T", "4P", "5E"]


def test_what_is_compared_is_in_one_unit():
    assert [text_of.seconds(x, of=500.0) for x in (90.0, 500.0)] == ["1.50 min", "8.33 min"]
    assert [text_of.seconds(x, of=8000.0) for x in (90.0, 8000.0)] == ["0.0250 h", "2.22 h"]
    assert [text_of.seconds(x, of=0.044) for x in (0.031, 0.044)] == ["31.0 ms", "44.0 ms"]
    assert text_of.seconds(3.0, of=4.0) == "3.00 s"
    assert [text_of.operations(x, of=2.4e17) for x in (8.8e16, 2.4e17)] == [
        "0.880 × 10¹⁷",
        "2.40 × 10¹⁷",
    ]
    assert text_of.operations(8.8e16) == "8.80 × 10¹⁶"
    assert text_of.operations(None, of=1e9) == text_of.size(None, of=5.0) == "–"
    assert [text_of.size(x, of=2**21) for x in (2**19, 2**21)] == ["0.5 MiB", "2.0 MiB"]


def test_ticks_have_as_many_decimals_as_tell_them_apart():
    assert [text_of.tick(value, 0.05) for value in (0.1, 0.15)] == ["0.10", "0.15"]
    assert text_of.tick(-2.0, 1.0) == "−2"
    assert text_of.tick(0.25, 0.25, shares=True) == "25 %"
    assert text_of.tick(2e6, 1e6) == "2M"


def test_what_is_unknown_is_a_dash_everywhere():
    functions = (text_of.figure, text_of.count, text_of.percent, text_of.seconds, text_of.size)
    assert {function(None) for function in functions} == {"–"}
