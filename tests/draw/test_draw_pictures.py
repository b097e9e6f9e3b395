import numpy as np
import pytest
import torch
from PIL import Image

from sparsegan.draw import pictures
from sparsegan.errors import SparseganError


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_holds_every_image_at_its_place(channels):
    pixels = torch.randint(256, (5, channels, 4, 6), dtype=torch.uint8)
    sheet = np.asarray(pictures.grid(pixels, columns=3)).reshape(8, 18, channels)
    for number, image in enumerate(pixels):
        row, column = divmod(number, 3)
        part = sheet[row * 4 : row * 4 + 4, column * 6 : column * 6 + 6]
        assert np.array_equal(part, image.permute(1, 2, 0).numpy())
    assert not sheet[4:, 12:].any()


def test_what_is_no_picture_is_refused():
    for shape in [(0, 1, 2, 2), (2, 2, 2, 2)]:
        with pytest.raises(SparseganError, match="1 or 3 channels"):
            pictures.grid(torch.zeros(shape, dtype=torch.uint8), 2)


def test_a_folder_holds_the_very_pixels(tmp_path):
    pixels = torch.randint(256, (3, 3, 5, 5), dtype=torch.uint8)
    pictures.save_folder(tmp_path / "out", pixels)
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["00000.png", "00001.png", "00002.png"]
    for file, image in zip(files, pixels, strict=True):
        with Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture), image.permute(1, 2, 0).numpy())


def test_images_of_classes_lie_in_folders_of_their_names_and_nowhere_else(tmp_path):
    pixels = torch.zeros(4, 1, 3, 3, dtype=torch.uint8)
    names = ["été", "../../out", "..", "été"]
    pictures.save_folder(tmp_path / "a" / "b", pixels, names)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")}
    assert files == {
        "a/b/été/00000.png", "a/b/_._.._out/00001.png", "a/b/_./00002.png", "a/b/été/00003.png",
    }  # fmt: skip


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SparseganError, match="not empty"):
        pictures.save_folder(tmp_path, torch.zeros(1, 1, 2, 2, dtype=torch.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    picture = pictures.grid(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), 1)
    with pytest.raises(SparseganError, match="cannot write"):
        pictures.save_png(tmp_path / "file" / "a.png", picture)


def test_pairs_stand_side_by_side_with_white_between():
    left = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    right = torch.full_like(left, 100)
    sheet = np.asarray(pictures.pairs(left, right, 2))
    assert sheet.shape == (18, 34)
    assert set(np.unique(sheet[:8, :8])) == {0}
    assert set(np.unique(sheet[:8, 8:16])) == {100}
    assert set(np.unique(sheet[:, 16:18])) == set(np.unique(sheet[10:, 18:])) == {255}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_goes_on_for_ever(tmp_path, kind, channels):
    path = tmp_path / f"walk.{kind}"
    colours = torch.arange(0, 250, 50, dtype=torch.uint8).view(5, 1, 1, 1)
    frames = [pictures.grid(one[None].expand(1, channels, 8, 8), 1) for one in colours]
    pictures.save_animation(path, frames, 20)
    with Image.open(path) as animation:
        assert (animation.n_frames, animation.info["loop"]) == (5, 0)
        for index in range(5):
            animation.seek(index)
            assert animation.convert("L").getpixel((4, 4)) == pytest.approx(50 * index, abs=4)
            assert animation.info["duration"] == 50
    with pytest.raises(SparseganError, match="an animation"):
        pictures.save_animation(tmp_path / "a.mp4", frames, 20)
