from pathlib import Path

import pytest
import yaml

from command_line import refused
from sparsegan import cli


def test_a_finished_run_is_not_resumed(trained, capsys):
    run, _ = trained
    before = (run / "metrics.jsonl").read_bytes()
    assert cli.main(["resume", str(run)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert (run / "metrics.jsonl").read_bytes() == before


def test_checkpoints_that_cannot_be_used_are_named(trained, capsys):
    run, _ = trained
    newest = max((run / "checkpoints").iterdir())
    Path("cut.safetensors").write_bytes(newest.read_bytes()[:-9])
    for command in (["resume", run], ["sample", run, "--grid", "a.png"], ["evaluate", run]):
        said = refused(capsys, *command, "--checkpoint", "cut.safetensors")
        assert "cut.safetensors is damaged" in said
        said = refused(capsys, *command, "--checkpoint", "none.safetensors")
        assert "there is no checkpoint none.safetensors" in said


def test_a_checkpoint_of_another_network_is_refused(trained, capsys):
    run, _ = trained
    other = Path("other")
    (other / "checkpoints").mkdir(parents=True)
    values = yaml.safe_load((run / "config.yaml").read_text())
    values["network"]["generator_width"] = 4
    (other / "config.yaml").write_text(yaml.safe_dump(values))
    newest = max((run / "checkpoints").iterdir())
    said = refused(capsys, "sample", other, "--grid", "a.png", "--checkpoint", newest)
    assert "another generator" in said
    said = refused(capsys, "resume", other, "--checkpoint", newest)
    assert "with network.generator_width 2 and config.yaml has 4" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resume", "nowhere"], "there is no run directory nowhere"),
        (["resume"], "the following arguments are required: RUN"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
