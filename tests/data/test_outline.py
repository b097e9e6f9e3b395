import pytest
from official_sets import cifar10, write_tar

from sparsegan import data
from sparsegan.data.outline import FACTS, outline
from sparsegan.data.sources import SOURCES


def test_an_outline_has_the_shape_of_what_is_loaded(tmp_path):
    files, _, _ = cifar10()
    archive = write_tar(tmp_path / "cifar-10-binary.tar.gz", files, "w:gz")
    for wanted in ({}, {"image_size": 16, "channels": 1}):
        loaded, actual = data.load("cifar10", archive, **wanted), outline("cifar10", **wanted)
        assert actual.pixels.shape[1:] == loaded.pixels.shape[1:]
        assert actual.pixels.dtype == loaded.pixels.dtype
        assert actual.labels.dtype == loaded.labels.dtype
        assert actual.class_names == loaded.class_names


@pytest.mark.parametrize("source", FACTS)
def test_every_class_has_an_image_and_no_image_has_memory(source):
    images = outline(source)
    assert source in SOURCES
    assert len(images) == len(images.pixels) == FACTS[source].count
    assert images.pixels.untyped_storage().nbytes() == 1
    if images.class_names:
        assert images.labels.unique().tolist() == list(range(len(images.class_names)))
    else:
        assert images.labels is None


@pytest.mark.parametrize("source", ["folder", "fashion-mnist", "hf:owner/name"])
def test_nothing_is_known_of_other_sources(source):
    assert outline(source) is None
