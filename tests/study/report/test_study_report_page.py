import re

import pytest
from PIL import Image

from browser import LOOK, seen
from sparsegan.study import load, report, standing
from sparsegan.study.report import page
from sparsegan.study.report.compare import verdict
from sparsegan.study.report.groups import groups
from study_of_seconds import paths_of, study, write_cell
from well_formed import check


def page_of(table, settings=""):
    made = groups(table)
    return page.html(table, made, verdict(made), settings)


def test_the_page_begins_with_the_answer_and_its_price(ended):
    text = check(page_of(ended)).text
    order = [
        *("tiny", "adapt has the lowest KID", "adapt costs 70 generator weights", "25.2\xa0%"),
        *("8 of 9 cells finished, 1 diverged", "Quality against price", "Curves", "Balance"),
        *("Difference from adapt", "Ranks", "What was not equal", "Cells", "To repeat it"),
    ]
    at = [text.replace("\xa0", " ").find(each.replace("\xa0", " ")) for each in order]
    assert -1 not in at
    assert at == sorted(at)
    assert "the loss is not finite" in text
    assert f"sparsegan study {ended.directory}" in text


def test_the_page_carries_everything_and_escapes_all_texts(tmp_path):
    of = study(tmp_path, about="<script>alert(1)</script>")
    write_cell(of, "dense/seed=0", [0.5] * 3)
    write_cell(of, "adapt/seed=0", [], diverged="<img src=x>")
    grid = paths_of(of, "dense/seed=0").run.sample(20)
    grid.parent.mkdir()
    Image.new("L", (4, 4)).save(grid)
    parsed = check(page_of(load(of.origin), "about: <b>"))
    assert "<script>alert(1)</script>" in parsed.text
    assert "<img src=x>" in parsed.text
    assert "about: <b>" in parsed.text
    assert [each["width"] for tag, each in parsed.elements if tag == "img"] == ["4"]


def test_samples_are_of_one_seed_of_all(of):
    for name in ("dense/seed=0", "dense/seed=1", "adapt/seed=1"):
        write_cell(of, name, [0.5] * 3)
        grid = paths_of(of, name).run.sample(20)
        grid.parent.mkdir()
        Image.new("L", (4, 4)).save(grid)
    text = check(page_of(load(of.origin))).text
    # static has finished none: seed 0 of it is as good as any, and has no grid.
    assert "dense, seed" in text or "Seed 1." in text


def test_a_study_that_has_not_begun_has_a_page(of):
    text = check(page_of(load(of.origin))).text
    assert "No cell has finished" in text
    assert "0 of 9 cells finished, 9 waiting." in text


def test_writing_gives_the_page_with_the_studys_file(ended, of):
    of.write_copy()
    written = report.write(of.origin)
    assert written == of.directory / "index.html"
    assert "arms:" in check(written.read_text()).text


@pytest.mark.full("chromium")
@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_fits_the_window(ended, of, tmp_path, width):
    shown = report.write(of.origin)
    charts = len(re.findall("<svg", shown.read_text()))
    shown.write_text(shown.read_text().replace("</body>", f"{LOOK}</body>"))
    document, console = seen(shown, tmp_path, width)
    assert not console
    assert re.search(r'data-overflow="(-?\d+)"', document)[1] == "0"
    assert int(re.search(r'data-charts="(\d+)"', document)[1]) == charts > 6


def test_grids_of_other_settings_are_not_shown(of):
    write_cell(of, "dense/seed=0", [], diverged="no")
    grid = paths_of(of, "dense/seed=0").run.sample(20)
    grid.parent.mkdir()
    Image.new("L", (4, 4)).save(grid)
    record = standing.Record("diverged", "no", 1, (), {"steps": 1})
    standing.write(paths_of(of, "dense/seed=0"), record)
    table = load(of.origin)
    assert table[0]["status"] == "changed"
    assert "<img" not in page_of(table)
