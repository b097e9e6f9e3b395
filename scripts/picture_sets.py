"""Makes the sets of pictures that docs/results/few-pictures.md speaks of.

Each becomes a folder with `train` and `held` in it. What is needed lies elsewhere:

* emoji, people: Noto Color Emoji with bitmaps of 136 x 128 pixels (Debian's
  fonts-noto-color-emoji), and fontTools
* icons: Numix Circle's icons of programs (Debian's numix-icon-theme-circle), and rsvg-convert
  (librsvg2-bin)
* faces: eight sets of emojis as npm's @iconify-json/NAME has them (below, STYLES), and rsvg-convert
* bags, boots, garments: nothing, Fashion-MNIST's sample is in the package
* horses: an archive of CIFAR-10 as pictures, `train/horse/0000.jpg` (SPARSEGAN_CIFAR10)

Usage: python scripts/picture_sets.py emoji|people|icons|faces|bags|boots|garments|horses FOLDER
       [--font FILE] [--icons FOLDER] [--emojis FOLDER] [--train N]
       of those to train on the first N
"""

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from sparsegan.data.sources import load
from sparsegan.errors import SparseganError

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
ICONS = Path("/usr/share/icons/Numix-Circle/48/apps")
EMOJIS = Path("node_modules/@iconify-json")
STYLES = (
    *("noto", "noto-v1", "twemoji", "openmoji", "fluent-emoji", "fluent-emoji-flat"),
    *("emojione", "emojione-v1"),
)
"""Sets of emojis, each drawn by other hands or at another time."""
STRIKE = 109
"""The size at which the font's bitmaps are drawn as they are."""
FIRST = 0x231A
"""The first code point that is a picture of its own; digits and marks come before it."""
SKINS = range(0x1F3FB, 0x1F400)
PARTS = range(0x1F1E6, 0x1F200), SKINS, range(0xE0000, 0xF0000)
"""Code points that are a part of a picture: letters of flags, colours of skin, tags."""
PERSONS = (
    *(0x26F9, 0x1F385, 0x1F57A, 0x1F64B, 0x1F64D, 0x1F64E, 0x1F6A3, 0x1F6C0, 0x1F926, 0x1F977),
    *range(0x1F3C2, 0x1F3CD),
    *range(0x1F466, 0x1F479),
    *(0x1F47C, 0x1F481, 0x1F482, 0x1F483, 0x1F486, 0x1F487, 0x1F574, 0x1F575),
    *range(0x1F645, 0x1F648),
    *range(0x1F6B4, 0x1F6B7),
    *range(0x1F930, 0x1F940),
    *(0x1F9B8, 0x1F9B9),
    *range(0x1F9CD, 0x1F9DE),
)
"""Code points that a picture of a person begins with, whole or from the shoulders up."""


@contextmanager
def opened(font: Path) -> Iterator[Any]:
    """The font's tables."""
    from fontTools.ttLib import TTFont, TTLibError

    if not font.is_file():
        sys.exit(f"{font} is not there: --font names a file of Noto Color Emoji")
    try:
        table = TTFont(font, lazy=True)
    except TTLibError as error:
        sys.exit(f"{font} is no font: {error}")
    with table:
        yield table


def drawn_apart(pictures: list[Image.Image]) -> tuple[list[Image.Image], list[Image.Image]]:
    """600 and 400 of them, no two alike, the middle 128 pixels of their width."""
    squares = list({p.tobytes(): p.crop((4, 0, 132, 128)) for p in pictures}.values())
    random.Random(0).shuffle(squares)
    return squares[:600], squares[600:1000]


def emoji(font: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """600 and 400 emojis of all kinds, before a white ground, 128 pixels a side."""
    with opened(font) as table:
        points = [
            point
            for point in sorted(table.getBestCmap())
            if point >= FIRST and not any(point in part for part in PARTS)
        ]
    drawn = ImageFont.truetype(str(font), STRIKE)
    pictures = []
    for point in points:
        picture = Image.new("RGBA", (136, 128), "white")
        ImageDraw.Draw(picture).text((0, 0), chr(point), font=drawn, embedded_color=True)
        plain = picture.convert("RGB")
        if plain.getcolors(maxcolors=1) is None:
            pictures.append(plain)
    return drawn_apart(pictures)


def people(font: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """600 and 400 emojis of persons, of all colours of skin, likewise."""
    with opened(font) as table:
        if not {"CBDT", "GSUB"} <= set(table.keys()):
            sys.exit(f"{font} has no bitmaps of emojis")
        points = {glyph: point for point, glyph in table.getBestCmap().items()}
        bitmaps = table["CBDT"].strikeData[0]
        pictures = {}
        for glyph, parts in ligatures(table):
            sequence = tuple(points.get(part, 0) for part in parts)
            of_one = sum(point in SKINS for point in sequence) == 1
            if glyph in bitmaps and sequence[0] in PERSONS and of_one:
                drawn = Image.open(io.BytesIO(bitmaps[glyph].imageData)).convert("RGBA")
                white = Image.new("RGBA", drawn.size, "white")
                pictures[sequence] = Image.alpha_composite(white, drawn).convert("RGB")
    return drawn_apart([pictures[sequence] for sequence in sorted(pictures)])


def ligatures(table: Any) -> Iterator[tuple[str, list[str]]]:
    """The glyphs that stand for several others, and those others."""
    for lookup in table["GSUB"].table.LookupList.Lookup:
        for subtable in lookup.SubTable:
            of_first = getattr(getattr(subtable, "ExtSubTable", subtable), "ligatures", {})
            for first, several in of_first.items():
                for one in several:
                    yield one.LigGlyph, [first, *one.Component]


def drawn_from(svg: bytes) -> Image.Image | None:
    """The drawing with 128 pixels a side before a white ground, or None if it is no SVG."""
    draw = ["rsvg-convert", "-w", "128", "-h", "128", "-b", "white"]
    drawn = subprocess.run(draw, input=svg, capture_output=True, check=False)
    return None if drawn.returncode else Image.open(io.BytesIO(drawn.stdout)).convert("RGB")


def icons(folder: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """600 and 400 icons of programs, drawn anew with 128 pixels a side before a white ground."""
    files = sorted(path for path in folder.glob("*.svg") if not path.is_symlink())
    if not files:
        sys.exit(f"{folder} has no icons: --icons names a folder of SVG files")
    distinct = list({path.read_bytes(): path for path in reversed(files)}.values())[::-1]
    random.Random(0).shuffle(distinct)
    pictures: dict[bytes, Image.Image] = {}
    for path in distinct:
        if (picture := drawn_from(path.read_bytes())) is not None:
            pictures.setdefault(picture.tobytes(), picture)
        if len(pictures) == 1000:
            break
    drawings = list(pictures.values())
    return drawings[:600], drawings[600:]


def faces(folder: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """Emojis of faces in up to eight styles: some 400, and all those of other expressions."""
    sets = [json.loads((folder / name / "icons.json").read_text()) for name in STYLES]
    kinds = json.loads((folder / "fluent-emoji-flat" / "metadata.json").read_text())["categories"]
    names = sorted(name for name in kinds["Smileys & Emotion"] if "face" in name)
    random.Random(0).shuffle(names)
    train: dict[bytes, Image.Image] = {}
    held: dict[bytes, Image.Image] = {}
    for name in names:
        part = train if len(train) < 400 else held
        for emojis in sets:
            picture = drawn_from(svg(emojis, name)) if name in emojis["icons"] else None
            if picture is not None and picture.tobytes() not in train:
                part[picture.tobytes()] = picture
    return list(train.values()), list(held.values())


def svg(emojis: Mapping[str, Any], name: str) -> bytes:
    """One of a set's drawings, whole."""
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    icon = emojis["icons"][name]
    box = " ".join(str(icon.get(side, emojis[side])) for side in ("width", "height"))
    return f'<svg {spaces} viewBox="0 0 {box}">{icon["body"]}</svg>'.encode()


def garments(name: str) -> tuple[list[Image.Image], list[Image.Image]]:
    """The first images of Fashion-MNIST's training sample, of one class or of all."""
    only, train = {"bags": ("bag", 60), "boots": ("ankle boot", 130), "garments": (None, 200)}[name]
    images = load("fashion-mnist")
    if only is not None:
        images = images.of_classes([only])
    pictures = [Image.fromarray(pixels.squeeze(0).numpy()) for pixels in images.pixels]
    return pictures[:train], pictures[train:][: 400 if name == "bags" else 300]


def horses() -> tuple[list[Image.Image], list[Image.Image]]:
    """1,900 horses of CIFAR-10 to train on, and its 1,000 test images of them."""
    archive = os.environ.get("SPARSEGAN_CIFAR10")
    if not archive:
        sys.exit("horses need SPARSEGAN_CIFAR10, an archive of CIFAR-10 as pictures")
    train, held = (
        load("folder", archive, split=split).of_classes(["horse"]) for split in ("train", "test")
    )
    pictures = [
        [Image.fromarray(p.permute(1, 2, 0).numpy()) for p in s.pixels] for s in (train, held)
    ]
    return pictures[0][:1900], pictures[1][:1000]


def save(folder: Path, sets: Sequence[Sequence[Image.Image]]) -> None:
    """`train` and `held`, both or neither."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        part = Path(temporary) / folder.name
        for name, pictures in zip(("train", "held"), sets, strict=True):
            (part / name).mkdir(parents=True)
            for number, picture in enumerate(pictures):
                picture.save(part / name / f"{number:04d}.png")
        part.rename(folder)


SETS: Mapping[str, Callable[[argparse.Namespace], tuple[list[Image.Image], list[Image.Image]]]] = {
    "emoji": lambda options: emoji(options.font),
    "people": lambda options: people(options.font),
    "icons": lambda options: icons(options.icons),
    "faces": lambda options: faces(options.emojis),
    **dict.fromkeys(("bags", "boots", "garments"), lambda options: garments(options.set)),
    "horses": lambda _: horses(),
}


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("set", choices=SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--font", type=Path, default=FONT)
    parser.add_argument("--icons", type=Path, default=ICONS)
    parser.add_argument("--emojis", type=Path, default=EMOJIS)
    parser.add_argument("--train", type=int)
    options = parser.parse_args()
    if options.folder.exists():
        sys.exit(f"{options.folder} is there already")
    if options.train is not None and options.train < 1:
        sys.exit("--train is a number of pictures, 1 at least")
    try:
        train, held = SETS[options.set](options)
    except (SparseganError, OSError, ValueError) as error:
        sys.exit(f"{options.set}: {error}")
    save(options.folder, (train[: options.train], held))


if __name__ == "__main__":
    main()
