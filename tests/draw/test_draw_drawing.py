"""Pictures of a generator whose images say what they were made of."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sparsegan.draw import sampling
from sparsegan.draw.drawing import class_label, save_folder, save_grid
from sparsegan.errors import SparseganError

NAMES = ("cat", "dog", "ship")


class Labelled(nn.Module):
    """Each image has the grey of its label, and one corner that the noise decides."""

    latent_dim, image_size, channels = 4, 5, 1

    def __init__(self, classes=3, names=NAMES):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.classes, self.class_names = classes, names

    def forward(self, z, labels=None):
        grey = torch.zeros(len(z)) if labels is None else labels.float() / 4
        images = grey.view(-1, 1, 1, 1).expand(-1, 1, 5, 5).clone()
        images[:, 0, 0, 0] = z[:, 0].tanh()
        return images


def tiles(path, columns):
    """The images of a grid, row by row."""
    with Image.open(path) as picture:
        pixels = torch.from_numpy(np.array(picture))
    return pixels.view(-1, 5, columns, 5).transpose(1, 2).flatten(0, 1)


def grey_of(label):
    return round((label / 4 + 1) * 127.5)


def test_classes_take_turns_by_rows(tmp_path):
    save_grid(Labelled(), tmp_path / "a.png", 12, seed=0, columns=3)
    labels = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]
    shown = tiles(tmp_path / "a.png", 3)[:, 4, 4].tolist()
    assert shown == pytest.approx([grey_of(label) for label in labels], abs=1)


@pytest.mark.parametrize("only", ["ship", "2"])
def test_one_class_alone_has_the_noise_of_all(tmp_path, only):
    save_grid(Labelled(), tmp_path / "all.png", 9, seed=5)
    save_grid(Labelled(), tmp_path / "one.png", 9, seed=5, only=only)
    every, one = (tiles(tmp_path / name, 3) for name in ("all.png", "one.png"))
    assert torch.equal(every[:, 0, 0], one[:, 0, 0])
    assert one[:, 4, 4].tolist() == pytest.approx([grey_of(2)] * 9, abs=1)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (8, 3), (64, 8)])
def test_a_picture_is_about_square(tmp_path, count, columns):
    save_grid(Labelled(None, ()), tmp_path / "a.png", count, seed=0)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == 5 * columns


def test_a_folder_has_a_sub_folder_for_each_class_and_the_images_of_its_labels(tmp_path):
    generator = Labelled()
    save_folder(generator, tmp_path / "out", 30, seed=1)
    labels = sampling.uniform_labels(generator, 30, 1)
    for label, name in enumerate(NAMES):
        files = sorted((tmp_path / "out" / name).iterdir())
        assert len(files) == int((labels == label).sum())
        for file in files:
            with Image.open(file) as picture:
                assert picture.getpixel((4, 4)) == pytest.approx(grey_of(label), abs=1)


def test_one_class_or_none_is_a_flat_folder(tmp_path):
    save_folder(Labelled(), tmp_path / "one", 3, seed=1, only="dog")
    save_folder(Labelled(None, ()), tmp_path / "none", 3, seed=1)
    for name in ("one", "none"):
        files = sorted(path.name for path in (tmp_path / name).iterdir())
        assert files == ["00000.png", "00001.png", "00002.png"]


@pytest.mark.parametrize(("wanted", "label"), [("dog", 1), ("0", 0), ("2", 2)])
def test_a_class_is_named_or_numbered(wanted, label):
    assert class_label(Labelled(), wanted) == label


def test_a_name_that_is_a_number_is_the_name():
    digits = SimpleNamespace(classes=3, class_names=("2", "1", "0"))
    assert class_label(digits, "2") == 0
    assert class_label(SimpleNamespace(classes=3), "2") == 2


@pytest.mark.parametrize(
    ("generator", "wanted", "sentence"),
    [
        (Labelled(), "dgo", r"no class dgo \(numbers go to 2\): did you mean dog\?"),
        (Labelled(), "3", r"there are cat, dog, ship"),
        (Labelled(30, [f"kind {n}" for n in range(30)]), "x", r"kind 19, …"),
        (Labelled(None, ()), "cat", "learnt no classes, so there is no cat: name none"),
    ],
)
def test_a_class_that_is_not_there_is_refused(generator, wanted, sentence):
    with pytest.raises(SparseganError, match=sentence):
        class_label(generator, wanted)
