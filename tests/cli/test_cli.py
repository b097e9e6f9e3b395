import subprocess
import sys
from pathlib import Path

import pytest

from command_line import environment, refused
from sparsegan import cli


def test_help_needs_no_heavy_import(tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['rich', 'yaml', "
        "'lightning_fabric'])); from sparsegan.cli import main; sys.exit(main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a first run" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_output_that_cannot_be_written_is_said():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sparsegan", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "sparsegan: error: output: No space left on device\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error", "a/file"),
        OSError(5, "Input/output error"),
        MemoryError("Unable to allocate 562. GiB"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, capsys, monkeypatch):
    def refuse(_):
        raise error

    monkeypatch.setattr(cli, "_dispatch", refuse)
    monkeypatch.setattr(cli, "_drop_output", lambda: None)
    assert cli.main(["train"]) == 2
    printed = capsys.readouterr().err
    assert (printed.count("\n"), str(error.args[-1]) in printed) == (1, True)


@pytest.mark.parametrize(
    "command", ["train", "resume", "sample", "evaluate", "report", "recipes", "cost"]
)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"sparsegan {command} " in capsys.readouterr().out.partition("example")[2]


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sparsegan 0.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], "unknown command trian: did you mean train?"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
