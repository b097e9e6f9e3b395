import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report.charts import HEIGHT, WIDTH, Chart, Cloud, Line, Mark, render
from well_formed import check


def path_of(drawn, kind):
    return re.search(rf'<path class="{kind}[^"]*" d="([^"]*)"', drawn)[1]


def test_the_curve_goes_through_its_points():
    drawn = render(Chart("loss", [Line("a", [(0, 0.0), (5, 1.0), (10, 0.5)])], from_zero=True))
    numbers = [float(text) for text in re.findall(r"-?[\d.]+", path_of(drawn, "line"))]
    top = HEIGHT * (1 - 1 / 1.06)
    middle = HEIGHT * (1 - 0.5 / 1.06)
    # M0 300h0 L500 17 L1000 158.5
    assert numbers == pytest.approx([0, HEIGHT, 0, WIDTH / 2, top, WIDTH, middle], abs=0.1)


def test_a_gap_lifts_the_pen():
    drawn = render(Chart("loss", [Line("a", [(0, 1.0), (1, 2.0), (2, None), (3, 1.0), (4, 2.0)])]))
    assert path_of(drawn, "line").count("M") == 2


def test_steps_are_drawn_as_stairs():
    drawn = render(Chart("density", [Line("a", [(0, 0.1), (10, 0.2)], style="step")]))
    assert re.search(r"H1000\.0V", path_of(drawn, "line"))


def test_the_reading_holds_names_steps_and_figures_and_cannot_end_its_element():
    line = Line("</script><b>", [(0, 0.5), (10, None), (20, 0.25)])
    drawn = render(Chart("x", [line], shares=True))
    check(drawn)
    text = re.search(r'<script type="application/json">(.*)</script>', drawn)[1]
    assert "<" not in text
    assert json.loads(text) == [
        {"name": line.name, "color": 0, "steps": [0, 20], "values": ["50.0\u00a0%", "25.0\u00a0%"]}
    ]


def test_a_wild_measurement_neither_flattens_the_chart_nor_goes_unsaid():
    steady = [(step, 0.5 + 0.001 * (step % 10)) for step in range(100)]
    wild = [*steady, (100, 1e9)]
    drawn = render(Chart("ratio", [Line("a", steady)], clouds=[Cloud(wild)], bands=[(0.45, 0.55)]))
    assert "1 value lies outside the frame" in drawn
    assert path_of(drawn, "cloud").count("M") == 100
    assert 'class="band"' in drawn


def test_marks_carry_their_reason_escaped():
    drawn = render(Chart("d", [Line("a", [(0, 1.0)])], marks=[Mark(0, 1.0, "raise", '<"why">')]))
    marks = [attributes for tag, attributes in check(drawn).elements if tag == "i"]
    assert marks[0]["title"] == '<"why">'


def test_the_axis_reaches_the_last_step_of_the_run():
    assert 'data-right="50"' in render(Chart("x", [Line("a", [(10, 1.0)])]), 50)


def test_a_chart_without_values_is_nothing():
    assert render(Chart("x", [Line("a", []), Line("b", [(1, None)])])) == ""


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.none() | st.floats(-1e150, 1e150)), max_size=60),
    st.booleans(),
)
def test_any_numbers_make_a_well_formed_chart_of_bounded_size(points, shares):
    points.sort(key=lambda point: point[0])
    drawn = render(Chart("x", [Line("a", points, dotted=True)], shares=shares))
    check(drawn)
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert len(drawn) < 20_000


def test_a_long_curve_is_thinned():
    points = [(step, float(step % 97)) for step in range(50_000)]
    assert len(render(Chart("x", [Line("a", points)]))) < 40_000
