from dataclasses import replace

import pytest

from sparsegan.report.format import figure
from sparsegan.report.opening import comparison_section, flops_share, opening, seconds_share
from sparsegan.report.read import read_run
from well_formed import check


def test_the_summary_holds_the_key_figures(run):
    text = check(opening([run])).text
    first, last = run.evaluations[0], run.evaluations[-1]
    raises = sum(row.action == "raise" for row in run.decisions)
    for sentence in (
        "trains adapt on fashion-mnist and finished after 20,000 steps",
        f"went from {figure(first.value)} at step 0 to {figure(last.value)} at step 20,000",
        f"interval {figure(last.low)} to {figure(last.high)}",
        "real against real is 0.00120",
        f"in {raises} raises",
        "36.7 % of the dense FLOPs",
        "32.9 % counted consistently",
        "70.5 % of the dense seconds",
    ):
        assert sentence in text


def test_shares_of_the_dense_cost(run):
    assert flops_share(run, "published") == pytest.approx(8.8 / 24)
    # The dense run's seconds are unknown: a step of each is compared.
    assert seconds_share(run) == pytest.approx(31 / 44)


def test_an_unfinished_run_says_so(other):
    text = check(opening([other])).text
    assert "has logged 4,000 of 4,000 steps; it has not finished" in text
    assert "the discriminator keeps 10.0 %" in text
    assert "dense FLOPs" not in text


def test_a_run_without_events(bare):
    text = check(opening([bare])).text
    assert "bare trains and has logged 0 of 100 steps" in text
    assert "It has not been evaluated." in text


def test_the_comparison_has_a_column_for_each_run(run, other):
    page = check(comparison_section([run, other]))
    assert run.label in page.text
    assert "4,000, unfinished" in page.text
    last = run.evaluations[-1]
    assert f"last value {figure(last.value)}" in page.text
    assert f"its interval {figure(last.low)} – {figure(last.high)}" in page.text
    assert f"Distances are {last.metric}." in page.text
    assert comparison_section([run]) == ""


def test_the_mean_of_the_last_evaluations_is_what_a_run_is_judged_by(run, other):
    last = {row.step: row.value for row in run.evaluations}
    mean = figure((last[18_000] + last[19_000] + last[20_000]) / 3)
    assert f"its mean at 90, 95 and 100 % is {mean}" in check(opening([run])).text
    text = check(comparison_section([run, other])).text
    assert f"mean at 90, 95 and 100 % {mean}" in text
    assert "recall (mean)" not in text
    rows = [replace(row, recall=0.25) for row in run.evaluations]
    text = check(comparison_section([replace(run, evaluations=rows), other])).text
    assert f"recall (mean) {figure(0.25)}" in text


def test_a_folder_of_images_is_called_by_its_name(tmp_path):
    (tmp_path / "config.yaml").write_text("data: {source: folder, path: /home/me/my photos}\n")
    assert "trains on the folder my photos" in check(opening(read_run(tmp_path, "bare"))).text
