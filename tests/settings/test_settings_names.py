import pytest

from sparsegan.methods import METHODS
from sparsegan.settings.names import OTHER_WORDS, nearest, unknown
from sparsegan.settings.options import options

KNOWN = [option.key for option in options("adapt")]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("density", ["method.generator_density", "method.discriminator_density"]),
        ("lr", ["optimiser.generator.lr", "optimiser.discriminator.lr"]),
        ("optimizer.generator.lr", ["optimiser.generator.lr", "optimiser.discriminator.lr"]),
        ("generator_lr", ["optimiser.generator.lr"]),
        ("batch", ["batch_size"]),
        ("epochs", ["steps"]),
        ("max_steps", ["steps"]),
        ("step", ["steps"]),
        ("size", ["data.image_size"]),
        ("classes", ["data.classes"]),
        ("class", ["data.classes"]),
        ("method", ["method.name"]),
        ("data-path", ["data.path"]),
        ("Seed", ["seed"]),
        ("genrator_density", ["method.generator_density"]),
        ("zzz", []),
    ],
)
def test_what_is_meant_is_named_in_any_group(name, meant):
    assert nearest(name, KNOWN) == meant
    assert nearest(f"--{name}", [f"--{key}" for key in KNOWN]) == [f"--{key}" for key in meant]


@pytest.mark.parametrize("word", OTHER_WORDS)
def test_words_of_other_programs_lead_to_a_setting(word):
    assert nearest(word, KNOWN)


@pytest.mark.parametrize("method", METHODS)
def test_a_setting_is_nearest_to_itself_without_its_group(method):
    known = [option.key for option in options(method)]
    groups = {part for key in known for part in key.split(".")[:-1]}
    for last in {key.rpartition(".")[2] for key in known} - groups - set(known):
        assert nearest(last, known) == [key for key in known if key.endswith(f".{last}")][:3]


def test_few_names_are_all_listed():
    assert unknown("thing", "zzz", ["a", "b"]) == "unknown thing zzz: choose one of a, b"
    assert "--help lists" in unknown("thing", "zzz", list("abcdefghi"))
