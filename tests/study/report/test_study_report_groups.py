import pytest

from sparsegan.study import load
from sparsegan.study.report.groups import groups, number, reference_of
from study_of_seconds import study, write_cell


def test_a_group_is_a_point_over_the_seeds_that_finished(ended):
    dense, static, adapt = groups(ended)
    assert [each.name for each in (dense, static, adapt)] == ["dense", "static", "adapt"]
    assert static.by_seed() == pytest.approx({0: 0.9, 1: 0.7})
    assert (static.with_status("diverged"), static.left) == (1, 0)
    spread = static.spread()
    assert (spread.mean, spread.low, spread.high) == pytest.approx((0.8, 0.7, 0.9))
    assert spread.deviation == pytest.approx(0.2 / 2**0.5)
    assert adapt.spread().mean == pytest.approx(0.31)
    assert adapt.mean("seconds") == 10


def test_all_operations_are_those_of_the_steps_and_those_beside(ended):
    adapt = groups(ended)[2]
    assert adapt.mean("cost") == 1e9 + 1e7
    assert number({"operations": 5, "operations_overhead": None}, "cost") == 5
    assert number({"operations": None}, "cost") is None


def test_axes_name_groups_by_the_ends_of_their_keys(tmp_path):
    of = study(tmp_path, axes={"method.interval": [2, 4], "method.balance_window": [3]})
    table = load(of.origin)
    names = [group.name for group in groups(table)]
    assert names == [
        "dense balance_window=3",
        "adapt interval=2 balance_window=3",
        "adapt interval=4 balance_window=3",
    ]
    dense, *adapts = groups(table)
    assert dense.axes == {"method.balance_window": 3}
    assert [reference_of(each, groups(table)) for each in adapts] == [dense, dense]


def test_the_reference_is_the_first_arm_at_the_same_point(tmp_path):
    arms = {"sdst": {"method": {"name": "sdst", "discriminator_density": None}}, "adapt": {}}
    of = study(tmp_path, arms=arms, axes={"method.interval": [2, 4]}, seeds=[0])
    made = groups(load(of.origin))
    assert [reference_of(each, made).name for each in made] == [
        *("sdst interval=2", "sdst interval=4"),
        *("sdst interval=2", "sdst interval=4"),
    ]


def test_a_group_without_a_finished_cell_has_no_means(of):
    write_cell(of, "dense/seed=0", [0.5], diverged="no")
    dense = groups(load(of.origin))[0]
    assert dense.spread() is None
    assert dense.mean("seconds") is None
    assert (dense.with_status("diverged"), dense.left) == (1, 2)
