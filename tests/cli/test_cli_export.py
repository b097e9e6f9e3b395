from pathlib import Path

import pytest

from command_line import refused
from sparsegan import cli


def test_a_generator_is_written_where_it_is_told_and_its_size_is_said(trained, capsys):
    run, _ = trained
    arguments = ["export", str(run), "--to", "packed", "--output", "g.safetensors"]
    assert cli.main([*arguments, "--checkpoint", "0"]) == 0
    printed = capsys.readouterr().out
    size = Path("g.safetensors").stat().st_size
    assert printed.startswith(f"generator of step 0: g.safetensors, {size:,} bytes, ")
    share = float(printed.split()[-5])
    assert share > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export"], "the following arguments are required: RUN, --to"),
        (["export", "nowhere", "--to", "tar"], "invalid choice: 'tar'"),
        (["export", "nowhere", "--to", "packed"], "nowhere is not a run directory"),
        (["export", "nowhere", "--to", "packed", "--otput", "x"], "did you mean --output?"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
