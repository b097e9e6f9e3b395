import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from toy_export import frozen, inputs

import sparsegan
from sparsegan import SparseganError
from sparsegan.export import Blueprint
from sparsegan.export.hub import folder as hub_folder
from sparsegan.export.hub.folder import write_folder
from sparsegan.report.read import RunRecord


@pytest.fixture
def record(tmp_path):
    return RunRecord(tmp_path, "run")


def test_the_folder_has_all_that_the_card_tells_of(tmp_path, record):
    toy, folder = frozen(), tmp_path / "folder"
    write_folder(toy, folder, record)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("README.md", "config.json", "generator.safetensors", "index.html", "model.safetensors"),
        "samples.png",
    }
    card = (folder / "README.md").read_text()
    for name in names - {"README.md"}:
        assert f"| `{name}` | {(folder / name).stat().st_size:,} |" in card
    state = toy.generator.state_dict()
    dense = load_file(folder / "model.safetensors")
    assert dense.keys() == state.keys()
    assert all(torch.equal(dense[name], state[name]) for name in state)
    config = json.loads((folder / "config.json").read_text())
    assert (config["network"], config["latent_dim"]) == ("dcgan", 16)
    with Image.open(folder / "samples.png") as image:
        assert image.size == (8 * 28, 8 * 28)
    z = inputs(toy.blueprint, 3)
    assert torch.allclose(sparsegan.load(folder, "masked")(*z), toy.generator(*z), atol=1e-5)


def test_what_else_is_in_the_folder_stays(tmp_path, record):
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("old")
    write_folder(frozen(), tmp_path, record)
    assert (tmp_path / ".git").is_dir()
    assert (tmp_path / "README.md").read_text() != "old"


def test_a_generator_from_images_has_no_page_and_no_samples(tmp_path, record):
    write_folder(frozen(Blueprint("cyclegan", 64, 3, 2, latent_dim=0)), tmp_path, record)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"README.md", "config.json", "generator.safetensors", "model.safetensors"}
    assert "pipeline_tag: image-to-image" in (tmp_path / "README.md").read_text()


def test_nothing_is_written_where_the_page_is_refused(tmp_path, record):
    folder = tmp_path / "folder"
    with pytest.raises(SparseganError, match="channels"):
        write_folder(frozen(Blueprint("dcgan", 32, 2, 2, latent_dim=8)), folder, record)
    assert not folder.exists()


def test_names_that_are_no_utf_8_are_written_all_the_same(tmp_path, record):
    """Such as those of folders whose names have bytes of another encoding."""
    toy = frozen(Blueprint("biggan", 64, 3, width=1, latent_dim=20, classes=2))
    toy.generator.class_names = ("caf\udce9", "tea")
    toy.origin["data"] = "stra\udcdfen"
    write_folder(toy, tmp_path / "folder", record)
    card = (tmp_path / "folder" / "README.md").read_text(encoding="utf-8")
    assert "# Stra?en" in card
    assert "Labels: 0 caf?, 1 tea." in card


def test_nothing_is_written_where_the_card_fails(tmp_path, record, monkeypatch):
    monkeypatch.setattr(hub_folder, "model_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_folder(frozen(), tmp_path / "folder", record)
    assert not (tmp_path / "folder").exists()
