"""The page of few pictures says what its files hold."""

import csv
from pathlib import Path
from statistics import mean, stdev

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "results"


def rows(name):
    with (FOLDER / "few-pictures" / name).open() as file:
        return list(csv.DictReader(file))


RUNS = rows("runs.csv")
TRIALS = {
    "A: two steps of D, color + translation + cutout, batches of 16": ("boots-A", "emoji-A"),
    "**C: two steps of D, color + translation**": ("boots-C", "emoji-C"),
    "D: as C, learning rates halved, rewired every 100 steps": ("boots-D", "emoji-D"),
    "E: D starts at density 0.3 in place of 0.1": ("boots-E", "emoji-E"),
    "R1 of weight 0.1 (`--loss.r1 0.1`), by first derivatives": ("boots-r1a", "emoji-r1a"),
    "the recipe's own": ("emoji128-s0",),
    "the recipe's own, seed 1": ("emoji128-s1",),
    "D from density 0.3, never below": ("emoji128-f-s0",),
    "D from density 0.3, never below, seed 1": ("emoji128-f-s1",),
    "G of width 24": ("emoji128-w-s0",),
    "batches of 16": ("emoji128-b16-s0",),
    "another draw of emojis, seed 0": ("emoji128-long-s0",),
    "another draw of emojis, seed 1": ("emoji128-long-s1",),
    "rates that fall to 0": ("emoji128-decay-s0",),
    "by ERK, colours made larger pixel by pixel": ("emoji128-skip-s0",),
    "the same, seed 1": ("emoji128-skip-s1",),
    "a D that sees how much a batch varies": ("emoji128-deviation-s0",),
    "3,000 steps, seed 0": ("faces32-s0",),
    "3,000 steps, seed 1": ("faces32-s1",),
    "**6,000 steps**, seed 0": ("faces32-6k-s0",),
    "**6,000 steps**, seed 1": ("faces32-6k-s1",),
    "faces at 128 pixels, 6,000 steps, seed 0": ("faces128-6k-s0",),
    "faces at 128 pixels, 6,000 steps, seed 1": ("faces128-6k-s1",),
    "404 faces at 32 pixels, 3,000 steps, seed 0": ("faces404-3k-s0",),
    "404 faces at 32 pixels, 6,000 steps, seed 0": ("faces404-6k-s0",),
    "404 faces, 3,000 steps, judged by 130": ("faces404-3k-s0-130",),
    "404 faces, 6,000 steps, judged by 130": ("faces404-6k-s0-130",),
    "rates that fall to 0 from step 3,000 on, seed 1": ("faces32-6k-decay-s1",),
    "3,000 steps, D from density 0.3, seed 0": ("faces32-d3-s0",),
    "3,000 steps, a dense D, seed 0": ("faces32-d10-s0",),
    "3,000 steps, an average of 2.5 times the half-life, seed 0": ("faces32-e998-s0",),
    "all kinds, by the recipe": ("emoji32-s0",),
    "all kinds, G at density 0.3": ("emoji32-g-s0",),
    "all kinds, both dense": ("emoji32-dense-s0",),
    "500 of all kinds, by the recipe": ("emoji500-s0",),
    "500, relativistic loss": ("emoji500-relativistic-s0",),
    "500, augmented by translation alone": ("emoji500-translation-s0",),
    "emoji, smooth": ("emoji128-smooth-s0",),
    "people, smooth": ("people128-smooth-s0",),
    "people, 6,000 steps, seed 0": ("people128-long-s0",),
    "people, 6,000 steps, seed 1": ("people128-long-s1",),
    "icons, seed 0": ("icons128-s0",),
    "icons, seed 1": ("icons128-s1",),
    "people, seed 0": ("people128-s0",),
    "people, seed 1": ("people128-s1",),
    "G's linear layer at 6 %, colours made larger smoothly": ("emoji128-skip-linear-s0",),
    "as the recipe has it": ("horses32-s0",),
    "G's linear layer at 6 %": ("horses32-lin-s0",),
}
"""A table's row -> the runs that it shows, 500 steps after 500 steps."""


def in_page(run):
    """A run's row as the page shows it."""
    kid, best, coverage, real, copies = (
        float(run[key]) for key in ("kid_last", "kid_best", "coverage", "coverage_real", "copies")
    )
    cells = [
        f"{run['set']}, {int(run['pictures']):,}",
        run["side"],
        f"{int(run['steps']):,}",
        run["seed"],
        f"{kid:.1f}" + (f" (best {best:.1f})" if best < kid else ""),
        f"{coverage:.2f} / {real:.2f}",
        f"{copies:.0%}",
        f"{float(run['discriminator_density']):.0%}",
        f"{float(run['operations']):.0%}",
        f"{int(run['seconds']):,}",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_page_has_a_row_for_every_whole_run():
    page = (FOLDER / "few-pictures.md").read_text()
    assert [line for line in page.splitlines() if line in map(in_page, RUNS)] == [
        in_page(run) for run in RUNS
    ]


@pytest.mark.parametrize(("label", "names"), TRIALS.items(), ids=lambda value: str(value)[:12])
def test_a_trials_row_is_that_of_its_evaluations(label, names):
    page = (FOLDER / "few-pictures.md").read_text()
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")[1:]]
    shown = [cell for cell in cells if cell and cell != "stopped"]
    assert shown == [
        f"{float(one['kid']):.1f} / {float(one['coverage']):.2f}"
        for name in names
        for one in rows("evaluations.csv")
        if one["run"] == name and one["step"] != "0"
    ]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_a_runs_numbers_are_those_of_its_evaluations(run):
    own = [row for row in rows("evaluations.csv") if row["run"] == run["run"]]
    last = own[-1]
    assert last["step"] == run["steps"]
    assert (last["kid"], last["coverage"], last["copies"], last["diversity"]) == (
        run["kid_last"],
        run["coverage"],
        run["copies"],
        run["diversity"],
    )
    assert float(run["kid_best"]) == min(float(row["kid"]) for row in own)


def test_fresh_images_ratios_are_those_of_the_files():
    page, fresh = (FOLDER / "few-pictures.md").read_text(), rows("fresh.csv")
    assert fresh
    for run in RUNS:
        own = [row for row in fresh if row["run"] == run["run"]]
        if not own:
            continue
        assert own[-1]["step"] == run["steps"]
        cells = [
            f"{run['set']}, {run['side']} pixels, seed {run['seed']}",
            _best_and_last(run["kid_best"], run["kid_last"]),
            _best_and_last(own[0]["kid"], own[-1]["kid"]),
            ", ".join(
                f"{float(e['low']):.1f} to {float(e['high']):.1f}" for e in (own[0], own[-1])
            ),
        ]
        assert f"| {' | '.join(cells)} |" in page


def test_what_is_held_out_is_compared_as_the_file_says():
    page = (FOLDER / "few-pictures.md").read_text()
    for row in rows("held_out.csv"):
        kid, theirs, coverage, covered = (
            float(row[key]) for key in ("kid", "kid_training", "coverage", "coverage_training")
        )
        cells = f"{kid:.1f} / {theirs:.1f} | {coverage:.2f} / {covered:.2f}"
        assert f"| {row['run']} | {cells} |" in page
        assert any(run["run"] == row["run"] for run in RUNS)


def test_averages_are_those_of_the_files():
    page, made = (FOLDER / "few-pictures.md").read_text(), {}
    for row in rows("averages.csv"):
        made.setdefault((row["run"], row["half_life"]), []).append(row)
    assert made
    for (run, half_life), own in made.items():
        best, last = min(own, key=lambda row: float(row["kid"])), own[-1]
        kids = _best_and_last(best["kid"], last["kid"])
        assert f"| {run} | {half_life} | {kids} | {float(last['coverage']):.2f} |" in page


def test_chance_is_that_of_the_file():
    page, draws = (FOLDER / "few-pictures.md").read_text(), {}
    for row in rows("chance.csv"):
        draws.setdefault((row["generated"], row["step"]), []).append(float(row["kid"]))
    spread = {}
    for (generated, _), kids in draws.items():
        spread.setdefault(generated, []).append(stdev(kids) / mean(kids))
    assert {len(each) for each in spread.values()} == {12}
    few, _, many, more = (f"{mean(each):.1%}".replace("%", " %") for each in spread.values())
    sentence = f"differs by {few} (standard deviation, mean of twelve checkpoints), of 1,000\n"
    assert f"{sentence}  by {many}, of 2,000 by {more}, beside" in page


def _best_and_last(best, last):
    best, last = float(best), float(last)
    return f"{best:.2f}, {last:.2f}: {last / best:.2f}"
