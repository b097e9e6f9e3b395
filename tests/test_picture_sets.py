"""scripts/picture_sets.py: the sets of docs/results/few-pictures.md."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[1] / "scripts" / "picture_sets.py"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


def make(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_set_has_pictures_to_train_on_and_others_held_out(tmp_path):
    assert make("bags", tmp_path / "bags").returncode == 0
    train, held = (sorted((tmp_path / "bags" / name).iterdir()) for name in ("train", "held"))
    assert (len(train), len(held)) == (60, 400)
    pixels = {Image.open(path).tobytes() for path in (*train, *held)}
    assert len(pixels) == 460
    assert make("bags", tmp_path / "fewer", "--train", 7).returncode == 0
    fewer = sorted((tmp_path / "fewer" / "train").iterdir())
    assert [path.read_bytes() for path in fewer] == [path.read_bytes() for path in train[:7]]


def test_nothing_is_made_where_something_is_or_what_it_needs_is_not(tmp_path):
    (tmp_path / "bags").mkdir()
    again = make("bags", tmp_path / "bags")
    assert again.returncode
    assert "is there already" in again.stderr
    (tmp_path / "text.ttf").write_text("no font")
    text = make("emoji", tmp_path / "emoji", "--font", tmp_path / "text.ttf")
    assert text.returncode
    assert "is no font" in text.stderr.splitlines()[-1]
    letters = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    plain = make("people", tmp_path / "people", "--font", letters)
    assert plain.returncode
    assert "has no bitmaps of emojis" in plain.stderr
    none = make("horses", tmp_path / "horses", "--train", 0)
    assert none.returncode
    assert "1 at least" in none.stderr
    bare = make("icons", tmp_path / "icons", "--icons", tmp_path)
    assert bare.returncode
    assert "has no icons" in bare.stderr
    without = make("emoji", tmp_path / "emoji", "--font", tmp_path / "no.ttf")
    assert without.returncode
    assert "is not there" in without.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"bags", "text.ttf"}
    assert not list((tmp_path / "bags").iterdir())


@pytest.mark.skipif(not FONT.is_file(), reason="Noto Color Emoji is not installed")
@pytest.mark.parametrize("name", ["emoji", "people"])
def test_the_font_gives_other_pictures_to_train_on_than_are_held_out(name, tmp_path):
    made = make(name, tmp_path / name)
    assert made.returncode == 0, made.stderr
    train, held = (sorted((tmp_path / name / part).iterdir()) for part in ("train", "held"))
    assert (len(train), len(held)) == (600, 400)
    assert {Image.open(path).size for path in (*train, *held)} == {(128, 128)}
    pixels = [{Image.open(path).tobytes() for path in part} for part in (train, held)]
    assert not pixels[0] & pixels[1]


@pytest.mark.skipif(not shutil.which("rsvg-convert"), reason="rsvg-convert is not installed")
def test_icons_are_drawn_once_each(tmp_path):
    (tmp_path / "svg").mkdir()
    for number in range(5):
        circle = f'<circle r="{min(number, 3) + 1}"/>'
        drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{circle}</svg>'
        (tmp_path / "svg" / f"{number}.svg").write_text(drawn)
    made = make("icons", tmp_path / "icons", "--icons", tmp_path / "svg")
    assert made.returncode == 0, made.stderr
    pictures = list((tmp_path / "icons" / "train").iterdir())
    assert len(pictures) == 4
    assert {Image.open(path).size for path in pictures} == {(128, 128)}


@pytest.mark.skipif(not shutil.which("rsvg-convert"), reason="rsvg-convert is not installed")
def test_an_expression_is_trained_on_or_held_out_in_all_styles(tmp_path):
    styles = ("noto", "noto-v1", "twemoji", "openmoji", "fluent-emoji", "fluent-emoji-flat")
    names = [f"face-{number}" for number in range(60)]
    for side, style in enumerate((*styles, "emojione", "emojione-v1"), 200):
        icons = {
            name: {"body": f'<circle r="{side}" fill="#{number * 4:02x}0000"/>'}
            for number, name in enumerate((*names, "heart"))
        }
        (tmp_path / style).mkdir()
        drawn = {"icons": icons, "width": 320, "height": 320}
        (tmp_path / style / "icons.json").write_text(json.dumps(drawn))
        kinds = {"categories": {"Smileys & Emotion": [*names, "heart"]}}
        (tmp_path / style / "metadata.json").write_text(json.dumps(kinds))
    made = make("faces", tmp_path / "faces", "--emojis", tmp_path)
    assert made.returncode == 0, made.stderr
    reds = [
        [Image.open(path).getpixel((0, 0))[0] for path in (tmp_path / "faces" / part).iterdir()]
        for part in ("train", "held")
    ]
    assert [len(part) for part in reds] == [400, 80]
    assert not set(reds[0]) & set(reds[1])
    assert {*reds[0], *reds[1]} == {number * 4 for number in range(60)}


def test_faces_need_all_styles(tmp_path):
    without = make("faces", tmp_path / "faces", "--emojis", tmp_path)
    assert without.returncode
    assert "noto/icons.json" in without.stderr.splitlines()[-1]
    (tmp_path / "noto").mkdir()
    (tmp_path / "noto" / "icons.json").write_text("no JSON")
    damaged = make("faces", tmp_path / "faces", "--emojis", tmp_path)
    assert damaged.returncode
    assert damaged.stderr.startswith("faces: ")
