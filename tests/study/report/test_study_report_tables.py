from sparsegan.study import load
from sparsegan.study.report import tables
from sparsegan.study.report.compare import verdict
from sparsegan.study.report.groups import groups
from study_of_seconds import write_cell


def test_quality_and_price_stand_side_by_side_the_best_first(ended):
    shown = tables.outcome(ended, groups(ended))
    assert [row[0] for row in shown.rows] == ["adapt", "dense", "static"]
    adapt, _, static = (dict(zip(shown.header, row, strict=True)) for row in shown.rows)
    assert static["seeds"] == "2 of 3"
    assert static["diverged"] == "33.3\xa0%"
    assert static["95 % interval"] == "−0.471 to 2.07"
    assert adapt["KID"] == "0.310 ± 0.0092"
    assert (adapt["G weights"], adapt["weights, mean"]) == ("70", "160")
    assert (adapt["operations"], adapt["of dense"]) == ("1.01 × 10⁹", "25.2\xa0%")
    assert adapt["seconds"] == "10.0"
    short = tables.outcome(ended, groups(ended), short=True)
    assert set(short.header) < set(shown.header)


def test_groups_without_values_come_last_and_say_so(of):
    write_cell(of, "static/seed=0", [0.5] * 3)
    table = load(of.origin)
    shown = tables.outcome(table, groups(table))
    assert [row[0] for row in shown.rows] == ["static", "dense", "adapt"]
    assert shown.rows[0][2] == "–"
    assert shown.note.endswith("One seed has no interval.")


def test_differences_say_whether_they_are_clear(ended):
    made = groups(ended)
    from_leader, from_first = tables.differences(made, verdict(made).leader)
    rows = {row[0]: row[1:] for row in from_leader.rows}
    assert rows["dense"] == ["adapt", "3", "+0.200", "0.195 to 0.205", "clear"]
    assert rows["static"][-1] == "inside the noise"
    assert [row[:2] for row in from_first.rows] == [["static", "dense"], ["adapt", "dense"]]
    assert from_first.rows[1][3] == "−0.200"


def test_ranks_and_cells_show_what_diverged(ended):
    shown = tables.ranking(ended, groups(ended))
    assert shown.rows == [["adapt", "1.00"], ["dense", "2.00"], ["static", "3.00"]]
    assert "over 3 such" in shown.note
    lost = next(row for row in tables.cells(ended).rows if row[0] == "static/seed=2")
    assert lost[1:5] == ["diverged", "the loss is not finite", "15 of 20", "–"]


def test_a_study_that_has_not_begun_has_tables_all_the_same(of):
    table = load(of.origin)
    made = groups(table)
    assert all(row[-2] == "0 of 3" for row in tables.outcome(table, made).rows)
    assert tables.differences(made, None) == []
    assert tables.ranking(table, made).rows == []
    assert tables.measures(table, made).rows == []
    assert tables.budgets(made).header[-1] == "steps"
