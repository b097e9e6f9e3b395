"""A control of another signal, or by another lever, as its events tell it."""

import json

import pytest
from synthetic_run import write_run

from sparsegan.report.control import levers, marks, sentence, signs
from sparsegan.report.curves import balance_section
from sparsegan.report.opening import opening
from sparsegan.report.read import read_run
from sparsegan.report.tables import decisions_section
from well_formed import check

LEVERS = {"learning_rate": (1.0, 1.25), "steps": (2, 3)}


def _run(path, lever="density", signal="ratio"):
    """A run whose decisions move another lever, or are made on the share of positive scores."""
    write_run(path)
    lines = []
    for line in (path / "metrics.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] == "start" and signal != "ratio":
            event["signal"], event["band"] = signal, [0.75, 0.85]
        if event["kind"] == "balance":
            event["real_positive"] = 0.625
        if event["kind"] == "decision":
            event["real_positive"] = 0.625
            if lever != "density":
                before, after = LEVERS[lever]
                if event["action"] == "hold":
                    before = after
                event |= {"lever": lever, "lever_before": before, "lever_after": after}
                event["to_active"] = event["from_active"]
        if not (lever != "density" and event["kind"] == "rewire"):
            lines.append(json.dumps(event))
    (path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    [record] = read_run(path)
    return record


@pytest.mark.parametrize(("lever", "title"), [
    ("learning_rate", "Learning rate of D, factor"),
    ("steps", "Steps of D for each of G"),
])  # fmt: skip
def test_another_lever_has_a_chart_a_column_and_a_sentence(tmp_path, lever, title):
    run = _run(tmp_path / "run", lever)
    before, after = LEVERS[lever]
    drawn = balance_section([run])
    assert f'aria-label="{title}"' in drawn
    moves = [row for row in run.decisions if row.action != "hold"]
    marked = [
        attributes["title"]
        for tag, attributes in check(drawn).elements
        if tag == "i" and attributes["class"].startswith("mark")
    ]
    assert len(marked) == len(moves) > 0  # and none of them on the densities
    assert f"{before:g} to {after:g}" in marked[0]
    [chart] = levers([(0, run)])
    assert chart.lines[0].points[0] == (0, run.decisions[0].before)
    assert chart.lines[0].points[-1] == (run.last_step, after)
    table = check(decisions_section([run])).text
    assert title[1:] in table
    assert f"{before:g} → {after:g}" in table
    up = sum(row.action == "raise" for row in run.decisions)
    assert f"to {after:g}, {up} times up" in sentence(run)
    assert sentence(run) in check(opening([run])).text
    assert len(levers([(0, run), (1, run)])) == 1


def test_another_signal_has_a_chart_with_its_band_and_a_column(tmp_path):
    run = _run(tmp_path / "run", signal="sign")
    drawn = check(balance_section([run]))
    assert "Band 0.75 to 0.85." in drawn.text
    assert drawn.text.count("Band ") == 1  # not that of the ratio, too
    assert {value for _, value in run.positive} == {0.625}
    text = check(decisions_section([run])).text
    assert "positive real scores" in text
    assert "0.625" in text
    assert "balance ratio" not in text


def test_the_density_by_the_ratio_has_none_of_it(tmp_path):
    run = _run(tmp_path / "run")
    assert signs([(0, run)]) is None
    assert levers([(0, run)]) == []
    assert sentence(run) == ""
    assert "positive real scores" not in check(decisions_section([run])).text


def test_of_very_many_moves_some_are_marked(tmp_path):
    run = _run(tmp_path / "run", "steps")
    moves = [row for row in run.decisions if row.action != "hold"]
    assert len(marks(moves, 0)) == len(moves)
    assert 75 <= len(marks(moves * 200, 0)) <= 150
