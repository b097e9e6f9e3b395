import pytest

from sparsegan.report.series import Point
from sparsegan.study import load
from sparsegan.study.report import lines
from sparsegan.study.report.groups import groups
from sparsegan.study.report.lines import Curves, seconds_at
from study_of_seconds import evaluation, paths_of, start, study, write_cell, write_events


def curves_of(table):
    return Curves.of(table, groups(table))


def test_a_line_is_the_mean_in_a_band_of_the_finished_cells(ended):
    curves = curves_of(ended)
    _, static, adapt = curves.groups
    line = lines._line(curves, adapt, "value")
    assert dict(line.points) == pytest.approx({5: 0.64, 18: 0.3, 19: 0.31, 20: 0.32})
    assert dict(line.low)[19] == pytest.approx(0.3)
    assert dict(line.high)[19] == pytest.approx(0.318)
    # The cell that diverged has an evaluation at step 5, too, and is not among them.
    assert dict(lines._line(curves, static, "value").points)[5] == pytest.approx(1.6)


def test_seconds_across_are_those_of_training_at_the_step(ended):
    curves = curves_of(ended)
    line = lines._line(curves, curves.groups[0], "value", "seconds")
    # 20 seconds for 20 steps.
    assert [x for x, _ in line.points] == pytest.approx([5, 18, 19, 20])


def test_seconds_between_two_that_were_logged():
    points: list[Point] = [(10, 5.0), (15, None), (20, 15.0)]
    assert [seconds_at(points, step) for step in (0, 5, 10, 14, 20, 21)] == [
        *(0.0, 2.5, 5.0, 9.0, 15.0),
        None,
    ]


def test_unfinished_cells_are_drawn_as_far_as_all_of_them_go(of):
    write_cell(of, "adapt/seed=0", [0.3], diverged="no")
    assert not any("adapt" in each for each in lines.quality(curves_of(load(of.origin)), "KID"))
    assert lines.balance(curves_of(load(of.origin))) == [""]


def test_charts_name_what_they_show(ended):
    steps, seconds = lines.quality(curves_of(ended), "KID")
    assert 'aria-label="KID over steps"' in steps
    assert 'data-across="seconds"' in seconds
    (density,) = lines.densities(curves_of(ended))  # all generators stay at one density
    assert "Density of the discriminator" in density


def test_many_groups_have_a_chart_for_each_arm(tmp_path):
    arms = {"sdst": {"method": {"name": "sdst"}}, "adapt": {}}
    of = study(tmp_path, arms=arms, axes={"method.interval": [1, 2, 3, 4, 5]}, seeds=[0])
    for cell in of.cells:
        write_cell(of, cell.name, [0.5] * 3)
    curves = curves_of(load(of.origin))
    assert [facet for facet, _ in curves.facets()] == ["sdst", "adapt"]
    assert [curves.color(group) for group in curves.groups] == [*range(5), *range(5)]
    drawn = lines.quality(curves, "KID")
    assert len(drawn) == 4
    assert "KID over steps: sdst" in drawn[0]
    assert ">interval=1<" in drawn[0]
    assert "One seed each." in drawn[0]


def test_the_floor_is_a_dashed_line_where_it_is_known(of):
    write_cell(of, "adapt/seed=0", [0.3] * 3, floor=0.01)
    drawn = lines.quality(curves_of(load(of.origin)), "KID")
    assert all("real against real" in each and "real images, 0.0100." in each for each in drawn)


def test_an_arm_of_more_groups_than_colours_shows_those_of_the_lowest_means(tmp_path):
    axes = {"method.interval": list(range(1, 12))}
    of = study(tmp_path, arms={"adapt": {}}, axes=axes, seeds=[0])
    for number, cell in enumerate(of.cells):
        write_cell(of, cell.name, [1.0 - number / 20] * 3)
    curves = curves_of(load(of.origin))
    ((_, shown),) = curves.facets()
    assert [group.at for group in shown] == [f"interval={number}" for number in range(4, 12)]
    assert [curves.color(group) for group in shown] == list(range(8))


def test_several_pairs_of_networks_are_drawn_by_their_mean(of):
    pairs = [{**start(20), "pair": pair} for pair in ("a", "b")]
    values = [
        {**evaluation(step, value), "pair": pair}
        for step in (18, 19, 20)
        for pair, value in (("a", 0.2), ("b", 0.4))
    ]
    run = paths_of(of, "adapt/seed=0").run
    write_events(run, *pairs, *values, {"kind": "end", "step": 20, "seconds": 1.0})
    run.cost.write_text("{}")
    curves = curves_of(load(of.origin))
    line = lines._line(curves, curves.groups[2], "value")
    assert dict(line.points) == pytest.approx({18: 0.3, 19: 0.3, 20: 0.3})
