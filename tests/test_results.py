"""docs/results: its pages say what its tables say, and its studies can be read."""

import math
import statistics
from pathlib import Path

import pytest
import yaml

from project_script import script
from sparsegan.study import file

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"

results = script("results")

START = "adapt, d_G 0.1, d_D 0.1"
"""Of the study `starts`, the published one."""
STUDIES = sorted(path.parent.name for path in FOLDER.glob("*/study.yaml"))


def test_every_page_is_what_the_script_makes_of_the_tables():
    stale = [str(p) for p, text in results.outputs() if not p.is_file() or p.read_text() != text]
    assert not stale, "run python scripts/results.py"
    for table in FOLDER.glob("*/table.csv"):
        plots = ["kid.svg", *(["seconds.svg"] if table.with_name("curves.csv").exists() else [])]
        for plot in plots:
            assert table.with_name(plot).read_text().startswith("<?xml")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_can_be_read_and_its_contrasts_are_of_its_arms(name, tmp_path):
    study = file.read(FOLDER / name / "study.yaml", tmp_path)
    assert study.cells
    planned = FOLDER / name / "contrasts.yaml"
    for pair in yaml.safe_load(planned.read_text()) if planned.is_file() else []:
        for arm in pair:
            where, _, own = arm.rpartition("/")
            known = file.read(FOLDER / where / "study.yaml", tmp_path).arms if where else study.arms
            assert own in known


def test_the_protocol_counts_the_contrasts():
    planned = [yaml.safe_load(path.read_text()) for path in FOLDER.glob("*/contrasts.yaml")]
    said = (FOLDER / "protocol.md").read_text()
    assert f"{sum(map(len, planned))} contrasts in all" in said


def arm(name, values):
    rows = {seed: {"primary": str(value)} for seed, value in enumerate(values)}
    return results.Arm(name, rows, 0)


@pytest.mark.parametrize(
    ("values", "other", "word"),
    [
        ([1.0, 1.1, 1.2, 1.0, 1.1, 1.2], [2.0, 2.2, 2.1, 2.0, 2.3, 2.1], "differs"),
        ([2.0, 2.2, 2.1, 2.0, 2.3, 2.1], [2.01, 2.19, 2.11, 1.99, 2.31, 2.09], "same"),
        ([1.0, 3.0, 1.5, 2.5, 2.0, 2.2], [2.0, 2.2, 2.1, 2.0, 2.3, 2.1], "cannot tell"),
        # An interval without zero, and one seed of the other sign.
        ([1.0, 1.0, 1.0, 1.0, 1.0, 2.05], [2.0] * 6, "cannot tell"),
        ([1.0] * 5, [2.0] * 5, None),
    ],
)
def test_words_are_the_protocols(values, other, word):
    one = results.contrast(arm("a", values), arm("b", other))
    assert one.word == word
    assert one.said == (f"**{word}**" if word else "*no word of 5 seeds*")
    differences = [a - b for a, b in zip(values, other, strict=True)]
    assert one.text.startswith(f"{statistics.fmean(differences):+.2f}")


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("adapt/seed=10", "adapt"),
        ("adapt,method.discriminator_density=0.05/seed=10", "adapt, d_D 0.05"),
        (
            "sdst,method.generator_density=0.1,optimiser.discriminator.lr=0.000125/seed=10",
            "sdst, d_G 0.1, lr_D 0.000125",
        ),
        ("sdst,steps=10/seed=10", "sdst, steps 10"),
    ],
)
def test_a_point_of_the_axes_has_a_short_name(cell, name):
    assert results.arm_and_seed(cell) == (name, 10)


def test_only_seeds_that_both_have_are_compared():
    a = results.Arm("a", {s: {"primary": "1"} for s in range(7)}, 0)
    b = results.Arm("b", {s: {"primary": str(2 + s / 10)} for s in range(1, 8)}, 0)
    one = results.contrast(a, b)
    assert len(one.differences) == 6
    assert math.isclose(one.differences[0], -1.1)


def test_every_claim_has_its_verdict():
    said = (FOLDER / "README.md").read_text()
    assert "VERDICT" not in said
    assert "{{" not in said


def test_the_readme_says_what_the_headline_holds():
    names = ("headline", "equal-operations", "better", "band")
    studies = {name: results.read(FOLDER / name) for name in names}
    said = " ".join((ROOT / "README.md").read_text().split())
    adapt, sdst, dense, short, published = (
        results.arm_of(name, None, studies)
        for name in (
            *("headline/adapt", "headline/sdst-0.1", "headline/dense"),
            *("equal-operations/dense-360", "band/published"),
        )
    )
    shares = [f"for {100 * results.share_of_dense(arm):.0f} %" for arm in (sdst, published, adapt)]
    assert f"a KID of {sdst.mean('primary'):.2f} (six seeds) {shares[0]} of a dense run's" in said
    assert f"published band had {published.mean('primary'):.2f} {shares[1]}" in said
    assert f"set by pilots {adapt.mean('primary'):.2f} {shares[2]}" in said
    assert results.contrast(published, sdst).word == "cannot tell"
    assert f"dense training had {dense.mean('primary'):.2f} in as many steps" in said
    assert f"and {short.mean('primary'):.2f} in as many operations" in said
    assert results.contrast(sdst, adapt).lower == "6 of 6"
    assert "higher in six seeds of six" in said
    for name in ("joint", "calibrated"):
        arm = results.arm_of(f"better/{name}", None, studies)
        assert f"`{name}` ({arm.mean('primary'):.2f})" in said
        assert results.contrast(arm, adapt).lower == "6 of 6"


def test_the_readme_says_how_far_seeds_of_other_starts_lie_apart():
    arms = results.read(FOLDER / "starts").arms.items()
    others = [kid for name, arm in arms if name != START for kid in arm.numbers("primary").values()]
    said = " ".join((ROOT / "README.md").read_text().split())
    assert f"from others single seeds had {min(others):.1f} to {max(others):.1f})" in said


def test_an_arm_that_was_lost_is_named():
    lost = {"a": results.Arm("a", {}, 3)}
    study = results.Study("s", {"about": "s"}, {}, lost, (("a", "a"),), 0, {})
    assert "| a | 0 (3 lost) |" in results.table(study)
    assert "*all lost*" in results.contrasts_table(study, {})


def test_a_figure_without_a_file_is_not_made_up():
    assert results.filled("{{nowhere/arm}} {{nowhere/a - nowhere/b}}", {}) == (
        "*not run yet* *not run yet*"
    )


def test_a_contrast_has_no_other_columns():
    with pytest.raises(SystemExit, match=r"a:higher.*lower"):
        results.filled("{{s/b - s/a:higher}}", {})


def test_seeds_are_counted_and_ratios_are_seed_by_seed():
    arms = {"a": arm("a", [1.0, 4.0, 3.0]), "b": arm("b", [2.0, 2.0, 1.0])}
    studies = {"s": results.Study("s", {}, {}, arms, (), 0, {})}
    said = results.filled("{{s/a - s/b:lower}} seeds, {{s/a / s/b}} times", studies)
    assert said == "1 of 3 seeds, 0.5 to 3.0 times"


def test_one_run_of_an_arm_can_be_named():
    studies = {"s": results.Study("s", {}, {}, {"a": arm("a", [1.0, 4.0])}, (), 0, {})}
    said = results.filled("{{s/a}}; {{s/a@1}}; {{s/a@2}}", studies)
    assert said == "2.50 ± 2.12 (n = 2); 4.00; *not run yet*"


def test_some_runs_of_an_arm_can_be_named_and_a_mean_of_few_says_of_how_many():
    rows = {s: {"primary": "1.0", "balance_ratio": str(s / 10)} for s in range(6)}
    studies = {"s": results.Study("s", {}, {}, {"a": results.Arm("a", rows, 0)}, (), 0, {})}
    key = "balance_ratio"
    said = results.filled(
        f"{{{{s/a:{key}}}}}; {{{{s/a@1+3:{key}}}}}; {{{{s/a@4:{key}}}}}; {{{{s/a@4+9}}}}", studies
    )
    assert said == "0.25 ± 0.19; 0.20 ± 0.14 (n = 2); 0.40; *not run yet*"


def test_cells_are_counted_as_they_ended_and_seconds_are_whole():
    rows = {0: {"primary": "1.0", "seconds": "368.13"}}
    arms = {"a": results.Arm("a", rows, 1)}
    said = results.filled(
        "{{s:cells}}; {{s/a:seconds}}", {"s": results.Study("s", {}, {}, arms, (), 3, {})}
    )
    assert said == "2 of 5; 368"


def test_seconds_to_quality_are_of_the_first_evaluation_that_is_as_good():
    dense = {s: {"primary": str(2 + s / 10), "seconds": "100"} for s in (-1, 1)}
    curves = {
        "dense": {0: [(50.0, 3.0), (90.0, 1.8), (100.0, 1.9)], 1: [(50.0, 2.5), (100.0, 2.05)]},
        "sdst": {
            0: [(5.0, 1.9), (10.0, 4.0), (30.0, 2.0), (50.0, 2.0)],
            1: [(20.0, 1.5), (60.0, 1.0)],
        },
        "slow": {0: [(90.0, 5.0)], 1: [(90.0, 1.0), (95.0, 1.0)]},
    }
    two = {0: {}, 1: {}}
    arms = {
        "dense": results.Arm("dense", dense, 0),
        "sdst": results.Arm("sdst", two, 0),
        "slow": results.Arm("slow", two, 1),
    }
    said = results.seconds_table(results.Study("s", {}, {}, arms, (), 0, curves))
    assert "KID 2.00, after 100 s" in said
    assert "| dense | 1 of 2 | – | – | 2.75 |" in said
    assert "| sdst | 2 of 2 | 25 | 25% | 1.75 |" in said
    assert "| slow | 1 of 3 | – | – | 3.00 |" in said


@pytest.mark.parametrize("arms", [{}, {"dense": results.Arm("dense", {}, 2)}])
def test_without_a_dense_run_there_is_nothing_to_be_as_good_as(arms):
    curves = {"sdst": {0: [(10.0, 4.0), (30.0, 2.0)]}}
    said = results.seconds_table(results.Study("s", {}, {}, arms, (), 0, curves))
    assert "No run of `dense` has ended yet" in said
