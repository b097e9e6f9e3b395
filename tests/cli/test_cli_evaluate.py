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
        (["evaluate", "nowhere"], "nowhere is not a run directory"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
