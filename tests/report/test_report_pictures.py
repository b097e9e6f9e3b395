import base64
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparsegan.report import pictures as module
from sparsegan.report.pictures import pictures_section, spread
from sparsegan.report.read import Grid
from well_formed import check


def images(section):
    return [attributes for tag, attributes in check(section).elements if tag == "img"]


def test_the_last_grid_is_large_and_all_are_on_the_film(run):
    pictures = images(pictures_section([run]))
    assert [image["alt"] for image in pictures] == [
        "samples, step 20,000",
        "samples, step 0",
        "samples, step 20,000",
    ]
    content = base64.b64decode(pictures[0]["src"].partition(",")[2])
    assert content == run.grids[-1].path.read_bytes()
    assert pictures[0]["width"] == "82"


def test_several_runs_have_their_grids_side_by_side(run, other):
    drawn = pictures_section([run, other])
    assert run.label in check(drawn).text
    assert len(images(drawn)) == 4


@given(st.integers(0, 60), st.integers(2, 9))
def test_a_film_keeps_its_first_and_last_frame(count, limit):
    grids = [Grid(Path(f"{step}.png"), step, 1, 1) for step in range(count)]
    kept = spread(grids, limit)
    assert len(kept) == min(count, limit)
    assert kept[:1] == grids[:1]
    assert kept[-1:] == grids[-1:]
    assert len(set(kept)) == len(kept)


def test_no_grids_no_section(bare):
    assert pictures_section([bare]) == ""


def test_a_picture_whose_middle_is_damaged_is_left_out(tmp_path):
    path = tmp_path / "step-00000000.png"
    noise = torch.randint(256, (512, 512, 3), dtype=torch.uint8).numpy()
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    second = content.index(b"IDAT", content.index(b"IDAT") + 4)
    path.write_bytes(content[:second] + bytes(64) + content[second + 64 :])
    assert module._source(path, 0, 1000) is None
