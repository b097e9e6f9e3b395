import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report.charts import HEIGHT, WIDTH
from sparsegan.report.scatter import Dot, Scatter, apart, render
from well_formed import check


def numbers(text):
    return [float(each) for each in re.findall(r"-?\d+\.?\d*", text)]


def path_of(drawn, kind):
    return re.search(rf'<path class="{kind}[^"]*" d="([^"]*)"', drawn)[1]


def test_dots_lie_where_their_numbers_say_from_zero_on():
    dots = [Dot(0, 0.0, "", "a"), Dot(50, 1.0, "", "b"), Dot(100, 2.0, "", "c")]
    drawn = render(Scatter("x", "weights", dots))
    lefts = [float(each) for each in re.findall(r'class="spot[^>]*left:([\d.]+)%', drawn)]
    tops = [float(each) for each in re.findall(r'class="spot[^>]*top:([\d.]+)%', drawn)]
    assert lefts == pytest.approx([0, 50 / 1.04, 100 / 1.04], abs=0.01)
    assert tops == pytest.approx([100, 100 * (1 - 1 / 2.14), 100 * 0.14 / 2.14], abs=0.01)


def test_what_a_mean_is_of_stands_around_it_with_a_bar():
    dot = Dot(10, 2.0, "a", "a", around=[(5, 1.0), (15, 4.0)], low=1.0, high=3.0)
    drawn = render(Scatter("x", "weights", [dot]))
    right, top = 15 * 1.04, 4 * 1.07
    assert numbers(path_of(drawn, "cloud")) == pytest.approx(
        [WIDTH * 5 / right, HEIGHT * (1 - 1 / top), 0, WIDTH * 15 / right, HEIGHT * 0.07 / 1.07, 0],
        abs=0.1,
    )
    assert numbers(path_of(drawn, "spread"))[1::2] == pytest.approx(
        [HEIGHT * (1 - 1 / top), HEIGHT * (1 - 3 / top)], abs=0.1
    )


def test_texts_are_escaped_and_labels_stay_inside():
    dots = [Dot(1, 1.0, "<b>", '"><i>'), Dot(100, 1.0, "right", "r")]
    drawn = render(Scatter("<x>", "<y>", dots, "<z>", paths=[[0, 1]], bands=[(0.4, 0.6)]))
    text = check(drawn).text
    assert all(each in text for each in ("<b>", "<x>", "<y>", "<z>"))
    assert re.search(r'class="label c0" style="right:[\d.]+%;[^>]*>right', drawn)


def test_nothing_is_drawn_of_nothing():
    assert render(Scatter("x", "y", [])) == ""


def test_shares_are_in_percent():
    drawn = check(render(Scatter("x", "density", [Dot(0.5, 1.0, "", "")], shares=True))).text
    assert "0 % 20 %" in drawn


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=8))
def test_labels_do_not_overlap(places):
    moved = apart(places)
    assert [left for left, _ in moved] == [left for left, _ in places]
    for (left, top), (other_left, other_top) in combinations(moved, 2):
        assert abs(left - other_left) >= 30 or abs(top - other_top) > 7.4
