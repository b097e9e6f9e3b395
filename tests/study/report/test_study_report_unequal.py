import json

import pytest

from sparsegan.study import load
from sparsegan.study.report.groups import groups
from sparsegan.study.report.unequal import properties, sentences
from study_of_seconds import paths_of, start, study, write_cell


def rewrite_start(of, name, **sizes):
    """Makes the maskable layer of a cell's networks of another size."""
    log = paths_of(of, name).run.metrics
    _, *lines = log.read_text().splitlines()
    event = start(of.cells[0].config.steps)
    for network, weights in sizes.items():
        rows = [dict(row) for row in event["networks"][network]]
        rows[0] |= {"weights": weights, "active": weights // 5}
        event["networks"][network] = rows
    log.write_text("\n".join([json.dumps(event), *lines]) + "\n")


def test_equal_budgets_are_not_spoken_of(of):
    for name in ("dense/seed=0", "adapt/seed=0"):
        write_cell(of, name, [0.5] * 3)
    made = groups(load(of.origin))
    assert sentences(made) == []
    assert all(each.equal for each in properties(made))


def test_operations_and_sizes_that_differ_are_told(of):
    write_cell(of, "dense/seed=0", [0.5] * 3, operations=4e9)
    write_cell(of, "adapt/seed=0", [0.5] * 3)
    (said,) = sentences(groups(load(of.origin)))
    assert said.startswith("The operations of training are not equal: from 1.01 × 10⁹ in adapt")
    assert "3.97 times" in said
    unequal = [each.name for each in properties(groups(load(of.origin))) if not each.equal]
    assert unequal == ["operations"]


def test_sets_of_maskable_weights_are_told_by_how_much_stays_dense(of):
    # 100 of 150 generator weights are maskable, and 10 of 60 in the other.
    for name in ("dense/seed=0", "adapt/seed=0"):
        write_cell(of, name, [0.5] * 3)
    log = paths_of(of, "adapt/seed=0").run.cost
    content = json.loads(log.read_text())
    content["weights"]["generator"]["total"] = 60
    log.write_text(json.dumps(content))
    rewrite_start(of, "adapt/seed=0", generator=10)
    said = sentences(groups(load(of.origin)))
    assert said[0].startswith(
        "Masks take 16.7\xa0% of the generator's weights in adapt, so that 83.3\xa0% of them are "
        "dense at any density, and 66.7\xa0% in dense"
    )
    assert said[1].startswith("The generators are not of one size: from 60.0 in adapt to 150 in")


@pytest.mark.parametrize("number", [0, 1])
def test_little_can_be_said_of_few(tmp_path, number):
    of = study(tmp_path, arms={"adapt": {}}, seeds=[0])
    if number:
        write_cell(of, "adapt/seed=0", [0.5] * 3)
    made = groups(load(of.origin))
    assert sentences(made) == []
    assert [each.name for each in properties(made)][-1] == "steps"
    assert (len(properties(made)) > 1) == bool(number)
