from dataclasses import replace

from sparsegan.report.curves import (
    balance_section,
    masks_section,
    quality_section,
    training_section,
)
from well_formed import check

SECTIONS = (balance_section, masks_section, quality_section, training_section)


def titles(section):
    page = check(section)
    return [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg"]


def test_one_run_has_every_chart(run):
    charts = [title for section in SECTIONS for title in titles(section([run]))]
    assert charts == [
        "Balance ratio",
        "Densities",
        "Churn",
        "Ever active",
        "kid-efficientnet-lite0",
        "Fréchet distance (efficientnet-lite0)",
        "Losses",
        "Gradient norms",
        "Steps per second",
    ]


def test_several_runs_have_a_chart_for_each_network(run, other):
    assert titles(training_section([run, other]))[:2] == ["Generator loss", "Discriminator loss"]
    drawn = balance_section([run, other])
    assert "Density of the discriminator" in drawn
    assert check(drawn).text.count(other.label) == 3


def test_decisions_that_moved_something_are_marked(run):
    marks = [
        attributes
        for tag, attributes in check(balance_section([run])).elements
        if tag == "i" and attributes["class"].startswith("mark")
    ]
    moves = [row for row in run.decisions if row.action != "hold"]
    assert len(marks) == len(moves) > 0
    assert marks[0]["title"].startswith(f"step {moves[0].step:,}: raise 10.0")


def test_band_invalid_measurements_and_floor_are_told(run):
    assert "Band 0.45 to 0.55." in check(balance_section([run])).text
    invalid = sum(value is None for _, value in run.balance)
    assert f"{invalid} of 2,000 measurements were not valid" in balance_section([run])
    assert "real against real" in quality_section([run])


def test_single_measurements_are_the_curve_while_no_window_was_logged(run):
    curves = {**run.curves, "balance_ratio": []}
    early = type(run)(run.path, "early", start=run.start, curves=curves, balance=run.balance)
    drawn = balance_section([early])
    assert titles(drawn)[0] == "Balance ratio"
    assert 'class="cloud' not in drawn


def test_a_run_without_events_has_no_charts(bare):
    assert [section([bare]) for section in SECTIONS] == [""] * 4


def test_numbers_beside_the_distance_are_drawn_where_there_are_any(run):
    shares = {"precision": 0.7, "precision_floor": 0.95, "density": 1.1, "fid": 30.0}
    rows = [replace(row, **shares) for row in run.evaluations]
    drawn = quality_section([replace(run, evaluations=rows)])
    assert titles(drawn)[2:] == ["FID", "Precision", "Density"]
    assert "higher is better" in check(drawn).text
    assert "higher is better" not in check(quality_section([run])).text
