import re

from synthetic_run import HOSTILE, write_run

from sparsegan.live import page
from sparsegan.report.page import read_runs
from well_formed import check


def test_the_page_has_every_part_of_the_report_s_own(run):
    runs = read_runs([run])
    parts = page.parts(runs, {"run": "training"})
    assert tuple(parts) == page.PARTS
    whole = page.page(runs, parts)
    parsed = check(whole.replace(' href="report"', ""))
    of_id = {each["id"]: each for _, each in parsed.elements if each.get("class") == "part"}
    assert {name: each["data-digest"] for name, each in of_id.items()} == {
        name: page.digest(part) for name, part in parts.items()
    }
    headings = re.findall(r"<h2>(.*?)</h2>", whole)
    assert headings == ["Warnings", "Samples", "Quality", "Balance", "Training"]
    assert "connect-src 'self'" in whole
    assert "url(" not in whole


def test_it_says_how_far_a_run_is_and_how_it_stands(run, other):
    runs = read_runs([run])
    said = {
        standing: check(page.parts(runs, {"run": standing})["status"]).text.replace("\xa0", " ")
        for standing in page.STANDINGS
    }
    assert "step 2,000 of 2,000" in said["training"]
    assert "steps per second" in said["training"]
    assert f"to go on: sparsegan resume {run}" in said["stopped"]
    assert f"its report is {run}/report.html" in said["finished"]
    both = page.parts(read_runs([run, other]), {"run": "training", "other": "finished"})
    assert "2 runs side by side" in check(both["status"]).text
    assert both["status"].count('role="progressbar"') == 2


def test_a_command_to_go_on_can_be_copied_and_is_there_for_runs_with_settings(tmp_path):
    run = write_run(tmp_path / "a run", steps=200, grids=1, cell=8)
    command = f"sparsegan resume '{run}'"
    assert command in check(page.parts(read_runs([run]), {"a run": "stopped"})["status"]).text
    (run / "config.yaml").unlink()
    said = check(page.parts(read_runs([run]), {"a run": "stopped"})["status"]).text
    assert "not being trained" in said
    assert "resume" not in said


def test_a_part_changes_its_digest_with_what_it_shows(run):
    before = page.parts(read_runs([run]), {"run": "training"})
    after = page.parts(read_runs([run]), {"run": "stopped"})
    changed = [name for name in before if page.digest(before[name]) != page.digest(after[name])]
    assert changed == ["status"]


def test_nothing_of_a_run_is_markup(tmp_path):
    run = write_run(tmp_path / "run", steps=200, hostile=True, grids=1, cell=8)
    whole = page.page(read_runs([run]), page.parts(read_runs([run]), {"run": "finished"}))
    check(whole.replace(' href="report"', ""))
    assert HOSTILE not in whole
