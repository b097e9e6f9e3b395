from dataclasses import replace

from sparsegan.record import events
from sparsegan.report.read import RunRecord
from sparsegan.report.tables import (
    collapse,
    configuration_section,
    cost_section,
    decisions_section,
    evaluations_section,
    machine_section,
    warnings_section,
)
from well_formed import check


def hold(step, reason="in the band", after=0.1):
    return decision(step, "hold", reason, 0.5, after, after)


def decision(step, action, reason, ratio, before, after):
    line = {"kind": "decision", "step": step, "action": action, "reason": reason}
    line |= {"balance_ratio": ratio, "total": 1000}
    return events.read(line | {"from_active": 1000 * before, "to_active": 1000 * after})


def test_runs_of_identical_holds_are_one_row():
    raised = decision(3, "raise", "above", 0.9, 0.1, 0.15)
    rows = [hold(1), hold(2), raised, raised, hold(4, after=0.15), hold(5, "at the cap", 0.15)]
    assert [len(group) for group in collapse(rows)] == [2, 1, 1, 1, 1]


def test_reasons_that_differ_in_figures_only_are_the_same():
    rows = [hold(1, "only 40 measurements"), hold(2, "only 80 measurements"), hold(3, "no valid")]
    assert [len(group) for group in collapse(rows)] == [2, 1]


def test_decisions_tell_step_action_reason_ratio_and_move(run):
    text = check(decisions_section([run])).text
    first = run.decisions[0]
    assert f"1,000 raise {first.reason}" in text
    assert "10.0 % → 15.0 %" in text
    assert "hold × " in text


def test_cost_has_both_conventions_seconds_and_bytes(run):
    text = check(cost_section([run])).text
    for row in (
        "generator weights, end 262,835 2,628,352 10.0 %",
        "training FLOPs, published 0.880 × 10¹⁷ 2.40 × 10¹⁷ 36.7 %",
        "training FLOPs, consistent 1.02 × 10¹⁷ 3.10 × 10¹⁷ 32.9 %",
        "training time, measured 10 min – –",
        "one step, measured 31.0 ms 44.0 ms 70.5 %",
        "generator file 1.3 MiB 10.0 MiB 13.1 %",
        "The dense step was measured on 20 steps",
    ):
        assert row in text


def test_without_cost_json_the_logged_seconds_remain(other):
    assert "training time, measured 2 min" in check(cost_section([other])).text


def test_what_was_evaluated_afterwards(run, bare):
    assert evaluations_section([run]) == ""
    bare.afterwards = [replace(run.evaluations[-1], step=500, n=1000, fresh=True)]
    text = check(evaluations_section([bare])).text
    assert "500 kid-efficientnet-lite0" in text
    assert "1,000, fresh ema weights standing statistics" in text
    bare.afterwards = [replace(run.evaluations[-1], n=60, generated=600)]
    text = check(evaluations_section([bare])).text
    assert "60, 600 generated ema weights" in text


def test_warnings_and_unreadable_lines(run, bare):
    assert "the balance ratio stays outside [0.15, 1.65]" in warnings_section([run])
    bare.unreadable = 3
    assert "3 lines of metrics.jsonl could not be read" in warnings_section([run, bare])


def test_the_whole_configuration_and_what_differs(run, other):
    markup = configuration_section([run])
    assert '<pre tabindex="0">' in markup  # it scrolls, and by keys alone, too
    text = check(markup).text
    assert " ".join(run.config_text.split()) in text
    several = check(configuration_section([run, other])).text
    assert "method.name adapt sdst" in several
    assert "method.generator_density 0.1 0.1" not in several


def test_versions_and_machine(run):
    text = check(machine_section([run])).text
    assert "torch 2.13.0" in text
    assert "memory 15.6 GiB" in text
    start = {"kind": "start", "step": 0, "versions": "0.1", "machine": None}
    odd = RunRecord(run.path, "odd", start=events.read(start))
    assert machine_section([odd]) == ""


def test_nothing_known_nothing_shown(bare):
    sections = (cost_section, decisions_section, machine_section, warnings_section)
    assert [section([bare]) for section in sections] == [""] * 4


def test_operations_beside_the_training_steps_are_told_where_there_are_any(run_path):
    record = RunRecord(run_path, "a")
    record.cost = {
        "flops": {"consistent": {"run": 5e9, "dense": 1e10}},
        "overhead": {"growth": 1e8, "balance": 0.0},
    }
    text = check(cost_section([record])).text.replace("\xa0", " ")
    assert "and FLOPs for gradients to grow by 0.0100 × 10¹⁰ – 1.0 %" in text
    assert "the balance ratio" not in text
