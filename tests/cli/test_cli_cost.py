import json
import shutil
from pathlib import Path

import pytest
import yaml

from command_line import TINY, refused
from sparsegan import cli, engine
from sparsegan.cli.cost import print_suited
from sparsegan.settings.adjust import Adjustment


def test_cost_of_a_run_and_of_one_to_come(trained, capsys):
    run, _ = trained
    assert cli.main(["cost", str(run)]) == 0
    past = capsys.readouterr().out
    cost = json.loads((run / "cost.json").read_text())
    assert f"{cost['weights']['generator']['active_end']:,}" in past
    assert "training, seconds" in past
    Path("half").mkdir()
    shutil.copy(run / "config.yaml", "half")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    first = [line for line in lines if json.loads(line)["step"] <= 3]
    Path("half/metrics.jsonl").write_text("".join(first))
    assert cli.main(["cost", "half"]) == 0
    assert "Cost of 3 steps" in capsys.readouterr().out
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["cost", "--config", "tiny.yaml"]) == 0
    assert "D's density always rising" in capsys.readouterr().out


@pytest.mark.full
@pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")
def test_kernels_are_measured_layer_by_layer_on_demand(trained, capsys):
    run, _ = trained
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["cost", "--config", "tiny.yaml", "--measure"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("generator ") and " → " in line for line in lines)
    assert any(line.startswith("stages.0.conv ") and ": " in line for line in lines)
    assert lines[-1].startswith("Nothing was trained; runs of these settings")
    assert cli.main(["cost", str(run), "--measure", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    total = printed["weights"]["discriminator"]
    kernels = printed["kernels"]["discriminator"]
    assert kernels["density"] == total["active_end"] / total["total"]
    assert [row["name"] for row in kernels["layers"]] == ["convs.0", "convs.1", "linear"]


def test_cost_of_a_published_recipe_needs_no_data(capsys, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing is to be read")

    monkeypatch.setattr("sparsegan.data.load", refuse)
    flags = ["--recipe", "static/balance/sngan-cifar10", "--method.generator_density", "0.2"]
    assert cli.main(["cost", *flags]) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    # docs/methods.md, A12: published 17.08, recounted 17.12; consistent 15.2.
    published, consistent = (line.split()[2:] for line in lines if line.startswith("the run "))
    assert published[1:] == ["2.668e17", "17.12%"]
    assert consistent[1:] == ["1.778e17", "15.23%"]
    assert "data      cifar10: 50,000 images, 32 x 32" in printed
    assert not Path("cache").exists()
    assert cli.main(["cost", *flags, "--scale", "small", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    assert costs["config"]["network"]["generator_width"] == 32
    assert costs["layers"]["generator"][0]["name"] == "linear"


def test_settings_that_follow_from_others_say_from_which(capsys):
    suited = {
        "--quality quick": [Adjustment("steps", 3000, 1000, "a look")],
        "108 pictures": [Adjustment("batch_size", 32, 16, "few")],
    }
    print_suited(suited)
    assert capsys.readouterr().out.splitlines() == [
        "settings for --quality quick, where nothing else is asked for:",
        "  steps 3000 -> 1000: a look",
        "settings for 108 pictures, where nothing else is asked for:",
        "  batch_size 32 -> 16: few",
    ]
    print_suited({})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cost", "--stesp", "3"], "did you mean --steps?"),
        (["cost", "nowhere"], "there is no run directory nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
