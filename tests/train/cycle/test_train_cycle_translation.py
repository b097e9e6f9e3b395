import pytest
import torch
from PIL import Image
from torch import nn

from cycle_run import config, write_set
from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train import kinds
from sparsegan.train.cycle import translation, unpaired
from sparsegan.train.cycle.translation import Sources


class Negative(nn.Module):
    """Turns images into their negatives."""

    image_size, channels, latent_dim = 64, 3, 0

    def __init__(self):
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(-1.0))

    def forward(self, x):
        return self.sign * x


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("squares"))


def images(count):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return data.Images(pixels, None, (), "images")


def test_images_go_through_one_generator_or_both():
    pixels, there = images(40).pixels, Negative()
    assert torch.equal(translation.translated(there, pixels), 255 - pixels)
    three = translation.triples(there, Negative(), pixels).view(40, 3, 3, 8, 8)
    assert torch.equal(three[:, 0], pixels)
    assert torch.equal(three[:, 1], 255 - pixels)
    assert torch.equal(three[:, 2], pixels)


def test_images_are_taken_at_equal_distances():
    actual = Sources(images(10), [f"{i}.png" for i in range(10)]).at_most(4)
    assert list(actual.names) == ["0.png", "2.png", "5.png", "7.png"]
    assert torch.equal(actual.images.pixels, images(10).pixels[[0, 2, 5, 7]])
    assert len(translation.spread(images(3), 8)) == 3


def test_translations_are_called_as_their_images(tmp_path):
    write_set(tmp_path / "set", splits=("train",))
    (tmp_path / "set" / "trainA" / "0.png").rename(tmp_path / "set" / "first.png")
    sources = translation.sources_in(tmp_path / "set", Negative())
    assert translation.save_folder(Negative(), sources, tmp_path / "out") == 7
    names = sorted(
        str(path.relative_to(tmp_path / "out")) for path in tmp_path.glob("out/**/*.png")
    )
    assert names == sorted(sources.names)
    with Image.open(tmp_path / "out" / "first.png") as picture:
        assert picture.getpixel((0, 0)) == (127, 127, 127)
    with pytest.raises(SparseganError, match="not empty"):
        translation.save_folder(Negative(), sources, tmp_path / "out")


def test_images_that_differ_in_their_ending_alone_stay_apart(tmp_path):
    for ending, level in (("png", 10), ("bmp", 20)):
        Image.new("RGB", (64, 64), (level,) * 3).save(tmp_path / f"a.{ending}")
    sources = translation.sources_in(tmp_path, Negative())
    translation.save_folder(Negative(), sources, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a.png.png", "a.bmp.png"}


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(SparseganError, match=f"no images in {tmp_path}"):
        translation.sources_in(tmp_path, Negative())


def test_a_grid_shows_images_beside_their_translations(source, tmp_path):
    sources = translation.own_sources(config(source, "unused"), "b_to_a")
    assert translation.save_grid(Negative(), sources, tmp_path / "grid.png") == 4
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (2 * 64, 4 * 64)
        image, made = picture.getpixel((0, 0)), picture.getpixel((64, 0))
    assert made == tuple(255 - level for level in image)


def test_translations_are_compared_with_images_of_their_kind(source):
    settings = config(source, "unused")
    sets = kinds.of(settings).load_images(settings)
    evaluators = kinds.of(settings).evaluators(kinds.of(settings).resolve(settings, sets), sets)
    known, held_out = unpaired.held_out(settings, sets)
    there = evaluators["a_to_b"]
    assert there.images is known.b
    assert there.held_out.fingerprint == held_out.b.fingerprint
    assert torch.equal(there.sources, held_out.a.pixels)
    assert evaluators["b_to_a"].images is known.a
    assert there.count == 3
    said = there(Negative())
    assert said["metric"] == "kid-patches"
    assert said["n"] == 3
    assert "generated" not in said  # there is one translation of each image
    assert said["value"] > said["floor"]


def test_one_image_to_translate_is_too_few(tmp_path):
    source = write_set(tmp_path, each=(4, 4))
    for number in range(1, 4):
        (source / "testA" / f"{number}.png").unlink()
    kind = kinds.of(config(source, "unused"))
    sets = kind.load_images(config(source, "unused"))
    settings = kind.resolve(config(source, "unused"), sets)
    with pytest.raises(SparseganError, match="4 held out, with 1 to translate, and an evaluation"):
        kind.evaluators(settings, sets)
