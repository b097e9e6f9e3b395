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


def test_a_folder_for_the_hub_is_named_behind_it(trained, capsys):
    run, _ = trained
    assert cli.main(["export", str(run), "--to", "hub", "folder", "--title", "Shoes"]) == 0
    printed = capsys.readouterr().out.splitlines()
    size = sum(path.stat().st_size for path in Path("folder").iterdir())
    assert printed[0].endswith(f": folder, {size:,} bytes in all")
    assert printed[1].endswith("hf upload OWNER/NAME folder")
    assert "# Shoes" in Path("folder/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export"], "the following arguments are required: --to"),
        (["export", "--to", "html"], "the following arguments are required: RUN"),
        (["export", "run", "--to", "hub", "a", "--output", "b"], "name one output, not a and b"),
        (["export", "nowhere", "--to", "tar"], "invalid choice: 'tar'"),
        (["export", "nowhere", "--to", "packed"], "there is no run directory nowhere"),
        (["export", "nowhere", "--to", "packed", "--otput", "x"], "did you mean --output?"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
