import json
from pathlib import Path

import pytest

from command_line import refused
from sparsegan import cli
from sparsegan.record.metrics_log import read_events


def test_evaluating_gives_what_the_run_found_at_its_end(trained, capsys):
    run, _ = trained
    assert cli.main(["evaluate", str(run)]) == 0
    last = [e for e in read_events(run / "metrics.jsonl") if e["kind"] == "evaluate"][-1]
    printed = capsys.readouterr().out
    assert f"step 6: {last['metric']} {last['value']:.4f}" in printed
    assert "\nFréchet distance on the same features " in printed


def test_what_comes_out_is_json_on_demand_and_kept_in_the_run_and_its_report(trained, capsys):
    run, _ = trained
    before = (run / "metrics.jsonl").read_bytes()
    assert cli.main(["evaluate", str(run), "--json", "--metrics", "kid, frechet"]) == 0
    (printed,) = json.loads(capsys.readouterr().out)
    assert (printed["kind"], printed["step"]) == ("evaluate", 6)
    kept = (run / "evaluations.jsonl").read_text().splitlines()
    assert json.loads(kept[-1]) == printed
    assert (run / "metrics.jsonl").read_bytes() == before
    assert cli.main(["report", str(run), "--output", "a.html"]) == 0
    assert "Evaluated afterwards" in Path("a.html").read_text()


@pytest.mark.full
def test_other_numbers_and_fresh_images_are_evaluated_on_demand(trained, capsys):
    run, _ = trained
    others = ["--metrics", "kid,classes", "--fresh"]
    assert cli.main(["evaluate", str(run), "--images", "100", *others]) == 0
    printed = capsys.readouterr().out
    assert "\nevenness of the classes " in printed
    assert "Fréchet" not in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "nowhere"], "there is no run directory nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
