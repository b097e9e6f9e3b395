"""A study says what `sparsegan train` would have set."""

import pytest
import yaml
from PIL import Image

from sparsegan.settings.parse import to_yaml
from sparsegan.study import file
from sparsegan.study.advice import advice

ARMS = {"adapt": {}, "static": {"method.name": "static"}}


@pytest.fixture
def folder(tmp_path):
    """40 pictures, of which 36 are to learn from."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(40):
        Image.new("L", (32, 32), number).save(folder / f"{number}.png")
    return str(folder)


def said(tmp_path, base, arms=ARMS, axes=()):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"base": base, "arms": arms, "axes": dict(axes)}))
    return advice(file.read(path))


def test_what_few_pictures_would_get_can_be_written_below_base(tmp_path, folder):
    base = {"recipe": "small", "data.path": folder}
    heading, *lines = said(tmp_path, base)
    assert "would set for 36 pictures" in heading
    added = yaml.safe_load("\n".join(lines))
    assert added["augment"] == ["color", "translation"]
    assert added["batch_size"] == 16
    assert said(tmp_path, {**base, **added}) == []


def test_what_an_arm_or_an_axis_states_is_its_own_affair(tmp_path, folder):
    base = {"recipe": "small", "data.path": folder}
    arms = {"one": {"augment": []}, "two": {"augment": ["color"]}}
    _, *lines = said(tmp_path, base, arms, {"discriminator_steps": [1, 2]})
    assert yaml.safe_load("\n".join(lines)).keys() == {"batch_size", "generator_batch_size"}


def test_without_a_recipe_the_published_settings_are_named(tmp_path, folder):
    (line,) = said(tmp_path, {"data.path": folder, "steps": 40})
    assert "no recipe is named" in line
    assert "batches of 64" in line
    assert "steps" not in line.partition("(")[2].partition(")")[0]


@pytest.mark.parametrize("base", [{"recipe": "fashion-mnist"}, {"recipe": "small"}])
def test_there_is_nothing_to_say_of_data_that_are_no_pictures_of_ones_own(tmp_path, base):
    assert said(tmp_path, base) == []


def test_nor_where_everything_is_stated(tmp_path, folder):
    study = file.read("fashion-mnist")
    everything = yaml.safe_load(to_yaml(study.cells[0].config))
    everything.pop("run", None)
    everything.pop("seed")
    everything["data"] = {"path": folder}
    assert said(tmp_path, everything, {"same": {}}) == []
