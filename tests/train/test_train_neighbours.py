import pytest
import torch
from PIL import Image

from sparsegan import data
from sparsegan.metrics import load_features
from sparsegan.train.neighbours import Neighbours

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture
def neighbours():
    images = data.load("fashion-mnist").of_classes(["bag"])
    return images, Neighbours(images, load_features("tiny_run:Patches"), seed=3)


def test_the_neighbour_of_a_training_image_is_itself(neighbours):
    images, nearest = neighbours
    some = images.pixels[[5, 0, 9]]
    assert torch.equal(nearest(some), some)
    # A little noise moves it nowhere.
    noisy = (some.int() + torch.randint(-2, 3, some.shape)).clamp(0, 255).to(torch.uint8)
    assert torch.equal(nearest(noisy), some)


def test_they_are_written_in_pairs(neighbours, tmp_path):
    images, nearest = neighbours
    nearest.save(tmp_path / "a.png", images.pixels[:8])
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2 * 56 + 3, 4 * 28 + 3 * 3)
