import pytest

from sparsegan.errors import SparseganError
from sparsegan.nets.architectures import ARCHITECTURES, CONDITIONAL, find


def test_every_published_size_is_there():
    sizes = {name: set(by_size) for name, by_size in ARCHITECTURES.items()}
    assert sizes["sngan"] == {32, 48, 64}
    assert sizes["biggan"] == {32, 64, 128}
    assert sizes["dcgan"] >= {32, 48, 64, 128, 256}
    assert sizes["cyclegan"] >= {128, 256}
    assert sizes.keys() >= CONDITIONAL


def test_published_widths_and_latent_dimensions_of_biggan():
    actual = [find("biggan", size) for size in (32, 64, 128)]
    assert [a.generator_width for a in actual] == [64, 80, 96]
    assert [a.discriminator_width for a in actual] == [64, 80, 96]
    assert [a.latent_dim for a in actual] == [128, 100, 120]


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(SparseganError, match="did you mean 'sngan'"):
        find("sngen", 32)


def test_an_unknown_size_is_told_the_sizes_and_who_else_has_it():
    with pytest.raises(
        SparseganError,
        match=r"sngan does not make images of 128 pixels: choose image_size 32 or 48 or 64 "
        r"or the architecture dcgan or the architecture biggan$",
    ):
        find("sngan", 128)
    with pytest.raises(SparseganError, match=r"choose image_size 64 or 128 or 256$"):
        find("cyclegan", 32)
    with pytest.raises(
        SparseganError, match=r"choose image_size 28 or 32 or 48 or 64 or 128 or 256$"
    ):
        find("dcgan", 40)
