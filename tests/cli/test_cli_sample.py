from pathlib import Path

import pytest
from PIL import Image

from command_line import refused
from sparsegan import cli


def test_sampling_a_grid_and_a_folder(trained, capsys):
    run, _ = trained
    assert cli.main(["sample", str(run), "--grid", "a.png", "--count", "9", "--seed", "5"]) == 0
    assert cli.main(["sample", str(run), "--folder", "out", "--count", "9", "--seed", "5"]) == 0
    assert "9 images of step 6" in capsys.readouterr().out
    with Image.open("a.png") as grid, Image.open("out/00004.png") as middle:
        assert grid.size == (84, 84)
        assert grid.crop((28, 28, 56, 56)).tobytes() == middle.tobytes()
    assert len(list(Path("out").iterdir())) == 9
    assert "not empty" in refused(capsys, "sample", run, "--folder", "out")
    grid = ("sample", run, "--grid", "a.png")
    assert "out of noise: leave out --images" in refused(capsys, *grid, "--images", "out")
    assert "one generator: leave out" in refused(capsys, *grid, "--direction", "a_to_b")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample", "nowhere", "--grid", "a.png"], "nowhere is not a run directory"),
        (["sample", "nowhere"], "one of the arguments --grid --folder is required"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "0"], "0 is not a whole number of at"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "x"], "x is not a whole number of at"),
        (["sample", "nowhere", "--grid", "a.png", "--sed", "0"], "did you mean --seed?"),
        (["sample", "nowhere", "--grid", "a.png", "--bn", "x"], "invalid choice: 'x'"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
