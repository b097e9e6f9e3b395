import json
import os
import re
import shutil

import pytest
from PIL import Image
from synthetic_run import HOSTILE, join_games, write_run

from sparsegan import report
from sparsegan.errors import SparseganError
from sparsegan.report.page import html
from sparsegan.report.read import read_run
from well_formed import check


def page_of(output):
    return output.read_text(encoding="utf-8")


def assert_offline(page):
    """Nothing is fetched: no address outside text, no import, and a policy that forbids it."""
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|import)\s*\(", page)


def test_one_run(run_path, tmp_path):
    output = tmp_path / "new" / "report.html"
    assert report.write([run_path], output) == output
    page = page_of(output)
    parsed = check(page)
    assert_offline(page)
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Samples",
        "Quality",
        "Balance",
        "Decisions of the controller",
        "Training",
        "Masks",
        "Layers",
        "Cost",
        "Kernels",
        "Warnings",
        "Configuration",
        "Versions and machine",
    ]
    assert sum(tag == "script" and not attributes for tag, attributes in parsed.elements) == 1
    assert list(output.parent.iterdir()) == [output]


def test_several_runs(run_path, other_path, tmp_path):
    page = page_of(report.write([run_path, other_path], tmp_path / "report.html"))
    text = check(page).text
    assert_offline(page)
    assert "2 runs side by side" in text
    assert "Comparison" in text
    assert '<main class="several">' in page


def test_the_pairs_of_a_run_stand_side_by_side(run_path, tmp_path):
    halves = {
        pair: write_run(tmp_path / pair, steps=2000, grids=2, cell=4)
        for pair in ("a_to_b", "b_to_a")
    }
    path = join_games(tmp_path / "horses", **halves)
    page = page_of(report.write([path], tmp_path / "report.html"))
    parsed = check(page)
    assert "<title>horses – sparsegan report</title>" in page
    assert "<h1>horses</h1>" in page
    assert "horses a_to_b trains adapt" in parsed.text
    assert "horses b_to_a trains adapt" in parsed.text
    assert [tag for tag, _ in parsed.elements].count("img") == 2 * 3  # the last one twice
    assert page.count("generator_density: 0.1") == 1
    beside = page_of(report.write([run_path, path], tmp_path / "report.html"))
    assert "<h1>2 runs side by side</h1>" in beside
    assert beside.count("generator_density: 0.1") == 2


def test_hostile_text_stays_text(tmp_path):
    path = write_run(
        tmp_path / "run <img src=x onerror=alert(1)>",
        hostile=True,
        steps=2000,
        scale=10**9,
        grids=1,
        cell=4,
    )
    page = page_of(report.write([path, path], tmp_path / "report.html"))
    parsed = check(page)
    assert_offline(page)
    tags = [tag for tag, _ in parsed.elements]
    assert "<script>alert" not in page
    assert tags.count("img") == 2
    assert " ".join(HOSTILE.split()) in parsed.text


@pytest.mark.parametrize("missing", ["config.yaml", "metrics.jsonl", "cost.json", "samples"])
def test_a_missing_piece_costs_only_its_own_part(run_path, tmp_path, missing):
    path = tmp_path / "run"
    shutil.copytree(run_path, path)
    target = path / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    page = page_of(report.write([path], tmp_path / "report.html"))
    check(page)
    gone = {
        "config.yaml": "Configuration",
        "metrics.jsonl": "Balance",
        "cost.json": "dense FLOPs",
        "samples": "Samples",
    }[missing]
    assert gone not in page
    assert "<h1>run</h1>" in page


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.77])
def test_a_log_cut_off_anywhere_makes_a_report(run_path, tmp_path, share):
    path = tmp_path / "run"
    shutil.copytree(run_path, path)
    log = path / "metrics.jsonl"
    content = log.read_bytes()
    log.write_bytes(content[: int(share * len(content))])
    text = check(page_of(report.write([path], tmp_path / "report.html"))).text
    assert "it has not finished" in text
    assert "could not be read" not in text


def test_a_run_without_evaluations(tmp_path):
    path = write_run(tmp_path / "run", steps=1000, evaluated=False, grids=0)
    assert "It has not been evaluated." in page_of(report.write([path], tmp_path / "report.html"))


def test_runs_of_one_name_are_told_apart(tmp_path, other_path):
    paths = []
    for parent in ("a", "b"):
        paths.append(tmp_path / parent / "run")
        shutil.copytree(other_path, paths[-1])
    text = check(page_of(report.write([*paths, paths[0]], tmp_path / "report.html"))).text
    assert "b/run" in text
    assert "a/run (1)" in text
    assert "a/run (3)" in text


def test_no_run_is_refused_and_leaves_no_file(tmp_path):
    output = tmp_path / "report.html"
    with pytest.raises(SparseganError, match="at least one"):
        report.write([], output)
    with pytest.raises(SparseganError, match="is not a run"):
        report.write([tmp_path], output)
    assert not output.exists()


def test_a_page_stays_small_whatever_the_run(tmp_path):
    """Grids of 128 x 128 images that no encoder makes small, and tables that grow with the run."""
    path = write_run(tmp_path / "run", steps=100_000, grids=0)
    for step in range(0, 100_001, 5000):
        noise = Image.frombytes("RGB", (1024, 1024), os.urandom(3 * 1024 * 1024))
        noise.save(path / "samples" / f"step-{step:08d}.png", compress_level=0)
    with (path / "metrics.jsonl").open("a") as log:
        for step in range(100_001, 105_000):
            decision = {"action": "raise", "reason": "ratio above the band", "from_active": step}
            for event in (
                {"kind": "decision", "step": step, **decision, "total": 200_000},
                {"kind": "warning", "step": step, "message": f"warning {step} " + "word " * 20},
                {"kind": "engine", "step": step, "network": "generator", "kernels": "native"},
            ):
                log.write(json.dumps(event) + "\n")
    page = report.write([path], tmp_path / "report.html")
    assert page.stat().st_size < 3_000_000
    parsed = check(page_of(page))
    assert "… 4,800 more are in metrics.jsonl" in parsed.text
    assert sum(tag == "img" for tag, _ in parsed.elements) == 9


def luminance(color):
    """Relative luminance of #rrggbb, as WCAG 2.2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_enough_contrast(run_path, tmp_path, scheme):
    """WCAG AA: 4.5 for text, 3 for what is drawn; curves are texts of the read-outs, too."""
    style = re.search(r"<style>(.*?)</style>", html(read_run(run_path)), re.DOTALL)[1]
    palettes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colors = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", palettes[scheme]))
    texts = {"ink", "soft", "accent", *(f"c{index}" for index in range(9))}
    assert texts <= colors.keys()
    for text in texts:
        for ground in ("page", "card"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
        assert contrast(colors[text], colors["band"]) >= 3, text
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
