import pytest
from toy_export import frozen

from sparsegan.export import titles


@pytest.mark.parametrize(
    ("data", "heading"),
    [
        ("cifar10", "CIFAR-10"),
        ("my_own-cats", "My own-cats"),
        ("hf:huggan/Flowers", "Huggan/Flowers"),
    ],
)
def test_images_have_a_name_that_can_stand_above(data, heading):
    assert titles.data_title(data) == heading


def test_the_title_that_was_asked_for_comes_first():
    toy = frozen()
    assert titles.title(toy) == "A sparse generator"
    toy.origin["data"] = "mnist"
    assert titles.title(toy) == "MNIST"
    object.__setattr__(toy, "title", "Digits")
    assert titles.title(toy) == "Digits"


def test_where_it_is_from_is_a_sentence():
    toy = frozen()
    toy.origin.update(data="mnist", method="adapt", step=1234)
    assert titles.origin(toy) == (
        "A dcgan generator for 28 × 28 pixels, trained on MNIST with sparsegan by the method "
        "adapt, 1,234 steps."
    )
    object.__setattr__(toy.blueprint, "network", "own.py:Mine")
    assert titles.origin(toy).startswith("A generator for 28 × 28 pixels")
