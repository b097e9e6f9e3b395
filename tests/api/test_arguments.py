"""Keywords say what flags say."""

import re
from pathlib import Path

import numpy
import pytest

from sparsegan.api import arguments
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings import parse, recipes
from sparsegan.settings.options import options


def test_no_two_settings_have_one_keyword():
    keys = {option.key for name in METHODS for option in options(name)}
    assert len({key.replace(".", "_") for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("keywords", "flags"),
    [
        ({"steps": 7, "seed": -1}, ["--steps=7", "--seed=-1"]),
        ({"data_path": Path("my pictures")}, ["--data.path=my pictures"]),
        ({"data": {"image_size": 64, "flip": False}}, ["--data.image_size=64",
                                                       "--data.flip=false"]),
        ({"optimiser": {"generator": {"lr": 1e-5}}}, ["--optimiser.generator.lr=1e-05"]),
        ({"optimiser": {"generator.lr": 1}}, ["--optimiser.generator.lr=1"]),
        ({"method": "sdst", "loss": "hinge"}, ["--method.name=sdst", "--loss.name=hinge"]),
        ({"augment": ("color", "cutout")}, ["--augment=[color, cutout]"]),
        ({"data_classes": ["cat, black", "a: b", "7", Path("x y")]},
         ["--data.classes=['cat, black', 'a: b', '7', x y]"]),
        ({"optimiser_generator_betas": (numpy.float64(0.5), 1e-5)},
         ["--optimiser.generator.betas=[0.5, 1.0e-05]"]),
        ({"seed": numpy.int64(3)}, ["--seed=3"]),
        ({"threads": None}, ["--threads=null"]),
        ({"generator": "mine.py:G"}, ["--network.generator=mine.py:G"]),
    ],
)  # fmt: skip
def test_keywords_become_flags_that_parse_to_the_same(keywords, flags):
    assert arguments.flags(keywords) == flags
    parse.parse(recipes.find("small").layers, flags)  # every value is of its type


def test_items_of_a_list_arrive_as_they_are():
    names = ["cat, black", "a: b", "7", "null", "[x]", "it's", "snow ❄ 😀", "-", "#1"]
    flags = arguments.flags({"data_classes": names})
    assert list(parse.parse(recipes.find("small").layers, flags).data.classes) == names


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"stepz": 7}, "unknown setting stepz: did you mean steps?"),
        (
            {"dry_run": True},
            "dry_run is no setting, but an option of the command `sparsegan train`",
        ),
        ({"image_size": 7}, "unknown setting image_size: did you mean data_image_size?"),
        ({"density": 7}, "did you mean method_generator_density or method_discriminator_density?"),
        ({"method": {"densty_step": 1}}, "did you mean method_density_step?"),
        ({"generator": object()}, "network.generator is a object: write it as text"),
    ],
)
def test_what_is_not_there_is_one_sentence_with_the_nearest_name(keywords, sentence):
    with pytest.raises(SparseganError, match=re.escape(sentence)):
        arguments.flags(keywords)
