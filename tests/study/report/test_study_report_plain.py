import csv
import json

import pytest

from sparsegan.study import load, report
from sparsegan.study.report import plain
from sparsegan.study.report.compare import verdict
from sparsegan.study.report.groups import groups
from study_of_seconds import study, write_cell


def test_the_csv_has_a_row_a_cell_with_every_key(ended):
    rows = list(csv.DictReader(plain.csv_text(ended).splitlines()))
    assert [row["cell"] for row in rows] == [row["cell"] for row in ended]
    assert list(rows[0]) == list(ended[0])
    assert float(rows[-1]["primary"]) == ended[-1]["primary"]
    lost = next(row for row in rows if row["cell"] == "static/seed=2")
    assert (lost["status"], lost["primary"]) == ("diverged", "")


def test_the_results_are_the_table_and_what_follows_from_it(ended):
    made = groups(ended)
    results = json.loads(plain.json_text(ended, made, verdict(made)))
    assert results["cells"] == [dict(row) for row in ended]
    assert (results["winner"], results["lowest"]) == (None, "adapt")
    assert results["not_told_apart"] == ["static"]
    static = results["groups"][1]
    assert (static["cells"], static["finished"], static["diverged"]) == (3, 2, 1)
    assert static["primary"]["mean"] == pytest.approx(0.8)
    pairs = {(each["group"], each["less"]): each for each in results["differences"]}
    assert len(pairs) == 3
    assert pairs["adapt", "dense"]["mean"] == pytest.approx(-0.2)
    assert pairs["static", "dense"]["seeds"] == [0, 1]
    assert [each["mean"] for each in results["ranks"]] == [2, 3, 1]


def test_the_markdown_answers_first_and_keeps_texts_in_their_cells(tmp_path):
    of = study(tmp_path, about="a | b\n<i>")
    write_cell(of, "dense/seed=0", [0.5] * 3)
    write_cell(of, "adapt/seed=0", [], diverged="a loss | is `not` finite")
    table = load(of.origin)
    made = groups(table)
    text = plain.markdown(table, made, verdict(made))
    assert text.startswith("# tiny\n\na \\| b \\<i>\n\ndense alone has values")
    assert "a loss \\| is \\`not\\` finite" in text
    bars = [line.replace("\\|", "").count("|") for line in text.splitlines() if line[:1] == "|"]
    assert set(bars)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("| ")]
        assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1


def test_writing_puts_all_files_into_the_studys_folder(ended, of):
    assert report.write(of.origin).parent == of.directory
    names = {"table.csv", "table.md", "results.json", "index.html"}
    assert names <= {path.name for path in of.directory.iterdir()}
