from pathlib import Path

import pytest

from command_line import refused
from sparsegan import cli


def test_report_of_one_and_of_several(trained, capsys):
    run, _ = trained
    assert cli.main(["report", str(run), str(run), "--output", "both.html"]) == 0
    assert Path("both.html").is_file()
    assert cli.main(["report", str(run)]) == 0
    assert capsys.readouterr().out.split()[-1] == str(run / "report.html")


def test_files_that_cannot_be_written_are_named(trained, capsys):
    run, _ = trained
    Path("file").touch()
    assert "file" in refused(capsys, "report", run, "--output", "file/report.html")
    assert "cannot write file/a.png" in refused(capsys, "sample", run, "--grid", "file/a.png")
    assert "ends in .png" in refused(capsys, "sample", run, "--grid", "a.jpg")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
