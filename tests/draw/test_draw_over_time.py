import numpy as np
import pytest
from PIL import Image

from sparsegan.draw.over_time import MOST_STEPS, save_over_time
from sparsegan.errors import SparseganError


def grids(folder, steps, side=4, across=3):
    """Grids whose every cell has the colour (step, cell, 0)."""
    made = []
    for step in steps:
        pixels = np.zeros((across * side, across * side, 3), np.uint8)
        for cell in range(across**2):
            y, x = divmod(cell, across)
            pixels[y * side : (y + 1) * side, x * side : (x + 1) * side] = (step, cell, 0)
        path = folder / f"step-{step:08d}.png"
        Image.fromarray(pixels).save(path)
        made.append((step, path))
    return made


def test_rows_are_samples_and_columns_are_steps(tmp_path):
    shown = save_over_time(grids(tmp_path, [0, 5, 9]), tmp_path / "sheet.png", 3, side=4)
    assert shown == [0, 5, 9]
    with Image.open(tmp_path / "sheet.png") as sheet:
        for column, step in enumerate(shown):
            for row, cell in enumerate((0, 4, 8)):
                assert sheet.getpixel((column * 66 + 30, 20 + row * 66 + 30)) == (step, cell, 0)


@pytest.mark.parametrize(("count", "columns"), [(8, 8), (16, 8), (64, 8), (4, 4)])
def test_samples_are_from_all_columns_and_rows_of_a_grid(tmp_path, count, columns):
    save_over_time(grids(tmp_path, [1], across=8), tmp_path / "sheet.png", count, side=4)
    with Image.open(tmp_path / "sheet.png") as sheet:
        cells = [sheet.getpixel((30, 20 + row * 66 + 30))[1] for row in range(count)]
    assert cells == sorted(set(cells))
    assert len({cell % 8 for cell in cells}) == len({cell // 8 for cell in cells}) == columns


def test_of_many_steps_the_first_and_the_last_are_among_those_shown(tmp_path):
    steps = list(range(40))
    shown = save_over_time(grids(tmp_path, steps), tmp_path / "sheet.png", 100, side=4)
    assert len(shown) == MOST_STEPS
    assert (shown[0], shown[-1]) == (0, 39)


def test_what_is_no_grid_is_refused(tmp_path):
    with pytest.raises(SparseganError, match="no grid of samples yet"):
        save_over_time([], tmp_path / "a.png", 1, side=4)
    with pytest.raises(SparseganError, match="no grid of 5 x 5 images"):
        save_over_time(grids(tmp_path, [1]), tmp_path / "a.png", 1, side=5)
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG")
    with pytest.raises(SparseganError, match="damaged"):
        save_over_time([(0, tmp_path / "damaged.png")], tmp_path / "a.png", 1, side=4)
