import json

import pytest

import sparsegan
from sparsegan.record.run import RunDirectory
from sparsegan.study import Table, load
from study_of_seconds import evaluation, paths_of, rewire, start, study, write_events

STEPS = 20


@pytest.fixture
def of(tmp_path):
    return study(tmp_path, base={"steps": STEPS}, axes={"method.interval": [4, 8]})


def row(of, name):
    return next(each for each in load(of.origin) if each["cell"] == name)


def test_there_is_a_row_for_each_cell_with_the_same_keys(of):
    table = load(of.origin)
    assert [each["cell"] for each in table] == [cell.name for cell in of.cells]
    assert len({tuple(each) for each in table}) == 1
    assert [each["method.interval"] for each in table] == [None, None, 4, 4, 8, 8]
    assert {each["status"] for each in table} == {"waiting"}
    assert all(each["primary"] is None and each["step"] == 0 for each in table)
    assert (table.arms, table.axes, table.seeds) == (
        ("dense", "adapt"),
        ("method.interval",),
        (0, 1),
    )
    assert json.loads(json.dumps(table)) == table


def test_the_docstring_names_every_key(of):
    words = Table.__doc__
    for key in load(of.origin)[0]:
        assert f"`{key}`" in words or key in of.axes, key


def test_the_primary_number_is_the_mean_at_the_end_and_best_is_of_the_whole_run(of):
    run = paths_of(of, "dense/seed=0").run
    values = {0: 0.01, 5: 0.2, 18: 0.3, 19: 0.5, 20: 0.4}
    write_events(
        run, start(), *(evaluation(s, v, recall=v / 2, name="x") for s, v in values.items())
    )
    cell = row(of, "dense/seed=0")
    assert cell["primary"] == pytest.approx(0.4)
    assert cell["recall"] == pytest.approx(0.2)
    assert (cell["best"], cell["best_step"]) == (0.2, 5)  # not the untrained generator's
    assert (cell["last"], cell["last_step"], cell["evaluations"]) == (0.4, 20, 3)
    assert cell["metric"] == "kid-x"
    assert "name" not in cell
    assert load(of.origin).measures == ("primary", "recall")
    assert row(of, "dense/seed=1")["recall"] is None


def test_what_was_before_a_pruning_or_a_new_training_is_none_of_a_runs_numbers(of):
    run = paths_of(of, "dense/seed=0").run
    early = [evaluation(5, 0.01), evaluation(10, 0.02)]
    late = [evaluation(step, value) for step, value in ((18, 0.3), (19, 0.5), (20, 0.4))]
    pruned = rewire(10, 20, "generator") | {"reason": "prune"}
    write_events(run, start(), *early, pruned, *late)
    cell = row(of, "dense/seed=0")
    assert (cell["best"], cell["best_step"]) == (0.3, 18)
    assert cell["primary"] == pytest.approx(0.4)
    # The last training has ten steps: 9, 10 (of 9.5) and 10 of them.
    anew = {"kind": "rewind", "step": 10, "to": 0, "weights": "rewound"}
    write_events(run, start(), *early, pruned, anew, *late)
    cell = row(of, "dense/seed=0")
    assert (cell["best"], cell["evaluations"]) == (0.3, 2)
    assert cell["primary"] == pytest.approx(0.45)


def test_a_pruning_in_the_last_tenth_leaves_the_primary_number(of):
    run = paths_of(of, "dense/seed=0").run
    values = [evaluation(step, value) for step, value in ((18, 0.3), (19, 0.5), (20, 0.4))]
    pruned = rewire(18, 20, "generator") | {"reason": "prune"}
    write_events(run, start(), values[0], pruned, *values[1:])
    cell = row(of, "dense/seed=0")
    assert cell["primary"] == pytest.approx(0.4)
    assert cell["evaluations"] == 3
    assert (cell["best"], cell["best_step"]) == (0.4, 20)


def test_without_all_evaluations_there_is_no_primary_number(of):
    run = paths_of(of, "dense/seed=0").run
    write_events(run, start(), evaluation(18, 0.3), evaluation(19, None), evaluation(20, 0.2))
    assert row(of, "dense/seed=0")["primary"] is None
    write_events(run, start(), evaluation(18, 0.3), evaluation(20, 0.2))
    assert row(of, "dense/seed=0")["primary"] is None


def test_weights_are_averaged_over_the_steps(of):
    run = paths_of(of, "dense/seed=0").run
    # 20 active for 5 steps, 60 for 15: (100 + 900) / 20 = 50, and 50 dense ones.
    write_events(run, start(), rewire(5, 60), {"kind": "end", "step": STEPS, "seconds": 7.5})
    cell = row(of, "dense/seed=0")
    assert (cell["generator_weights"], cell["generator_weights_mean"]) == (70, 70)
    assert cell["discriminator_weights"] == 110
    assert cell["discriminator_weights_mean"] == pytest.approx(100)
    assert cell["weights_mean"] == pytest.approx(170)
    assert (cell["generator_weights_dense"], cell["generator_maskable"]) == (150, 100)
    assert (cell["generator_density"], cell["discriminator_density"]) == (0.2, 0.6)
    assert cell["seconds"] == 7.5


def test_costs_are_those_of_cost_json(of):
    run = paths_of(of, "dense/seed=0").run
    write_events(run, start())
    networks = ("generator", "discriminator")
    content = {
        "flops": {"consistent": {"run": 5.0, "dense": 9.0}, "published": {"run": 4.0}},
        "seconds": {"per_step": 0.5, "dense_per_step": 0.7},
        "weights": {name: {"total": 160} for name in networks},  # 10 are of no layer
    }
    run.cost.write_text(json.dumps(content))
    cell = row(of, "dense/seed=0")
    assert (cell["operations"], cell["operations_published"]) == (5.0, 4.0)
    assert (cell["dense_operations"], cell["seconds_per_step"]) == (9.0, 0.5)
    assert (cell["generator_weights"], cell["generator_weights_dense"]) == (80, 160)


def test_pairs_are_added_up_and_their_measures_averaged(of):
    run = paths_of(of, "dense/seed=0").run
    pairs = ("a", "b")
    starts = [{**start(), "pair": pair} for pair in pairs]
    values = [
        {**evaluation(step, 0.1 * (1 + (pair == "b"))), "pair": pair}
        for step in (18, 19, 20)
        for pair in pairs
    ]
    write_events(run, *starts, *values)
    cell = row(of, "dense/seed=0")
    assert cell["primary"] == pytest.approx(0.15)
    assert cell["generator_weights"] == 140
    assert load(of.origin).series(cell)["value"] == [(18, 0.1), (19, 0.1), (20, 0.1)]
    assert load(of.origin).pairs(cell) == ["a", "b"]
    assert load(of.origin).pairs("dense/seed=1") == []
    assert load(of.origin).series(cell, pair="b")["value"][0] == (18, 0.2)


def test_series_are_the_curves_of_a_cell(of):
    run = paths_of(of, "dense/seed=0").run
    trains = [
        {"kind": "train", "step": step, "seconds": step / 2, "balance_ratio": None}
        for step in (5, 10)
    ]
    write_events(run, start(), *trains, evaluation(10, 0.3, seconds=4.0))
    series = load(of.origin).series("dense/seed=0")
    assert series == {"seconds": [(5, 2.5), (10, 5.0)], "value": [(10, 0.3)]}
    assert load(of.origin).series("dense/seed=1") == {}


def test_runs_that_the_study_no_longer_has_are_named(of):
    old = RunDirectory(of.directory / "runs" / "sdst" / "seed=0")
    old.path.mkdir(parents=True)
    old.config.write_text("steps: 1\n")
    table = load(of.origin)
    assert table.left_out == ["sdst/seed=0"]
    assert all(each["arm"] != "sdst" for each in table)


def test_the_package_leads_to_studies():
    assert sparsegan.study.load is load
