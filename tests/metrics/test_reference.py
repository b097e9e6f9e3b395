import pytest
import torch

from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.metrics import reference_features


class Mean:
    """Channel means; counts the images that it sees."""

    name = "mean"
    dimension = 3

    def __init__(self, scale=1.0):
        self.scale = scale
        self.seen = 0

    def __call__(self, pixels):
        self.seen += len(pixels)
        return pixels.float().mean((2, 3)) * self.scale


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (40, 3, 4, 4), generator=generator, dtype=torch.uint8)
    return Images(pixels, None, (), "noise")


def test_a_seeded_choice_of_the_images(images, tmp_path):
    network = Mean()
    every = network(images.pixels)
    selected = reference_features(images, network, count=10, cache=tmp_path)
    rows = (selected[:, None] == every[None]).all(2).nonzero()[:, 1]
    assert len(set(rows.tolist())) == 10
    more = reference_features(images, network, count=20, cache=tmp_path)
    assert torch.equal(more[:10], selected)
    other = reference_features(images, network, count=10, seed=1, cache=tmp_path)
    assert not torch.equal(other, selected)
    whole = reference_features(images, network, cache=tmp_path)
    assert torch.equal(whole.sort(0).values, every.sort(0).values)


def test_second_time_comes_from_the_cache(images, tmp_path):
    network = Mean()
    first = reference_features(images, network, count=30, cache=tmp_path)
    assert network.seen == 30
    assert torch.equal(reference_features(images, network, count=30, cache=tmp_path), first)
    assert network.seen < 30 + 10
    assert len(list(tmp_path.iterdir())) == 1


def test_damaged_file_is_made_anew(images, tmp_path):
    first = reference_features(images, Mean(), cache=tmp_path)
    [file] = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert torch.equal(reference_features(images, Mean(), cache=tmp_path), first)
    network = Mean()
    reference_features(images, network, cache=tmp_path)
    assert network.seen < len(images)


def test_network_that_changed_under_its_name_is_noticed(images, tmp_path):
    reference_features(images, Mean(), cache=tmp_path)
    changed = reference_features(images, Mean(scale=1.1), cache=tmp_path)
    assert torch.equal(changed.sort(0).values, Mean(scale=1.1)(images.pixels).sort(0).values)


def test_other_images_have_a_file_of_their_own(images, tmp_path):
    reference_features(images, Mean(), cache=tmp_path)
    others = Images(images.pixels.roll(1, 0), None, (), images.name)
    reference_features(others, Mean(), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_default_folder_and_one_that_cannot_be_written(images, tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))
    first = reference_features(images, Mean())
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 1
    (tmp_path / "file").touch()
    assert torch.equal(reference_features(images, Mean(), cache=tmp_path / "file"), first)


@pytest.mark.parametrize("count", [0, 41])
def test_more_images_than_there_are(images, tmp_path, count):
    with pytest.raises(SparseganError, match="40"):
        reference_features(images, Mean(), count=count, cache=tmp_path)
