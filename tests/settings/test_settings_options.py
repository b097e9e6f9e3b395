"""Every setting as a flag, with help out of the dataclasses."""

import dataclasses

import pytest

from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings import options as settings_options
from sparsegan.settings import parse
from sparsegan.settings.options import SHORT, options, read_flags
from tiny_run import config


@pytest.mark.parametrize("method", METHODS)
def test_options_are_the_settings_of_a_run_with_that_method(method):
    keys = [option.key for option in options(method)]
    assert len(keys) == len(set(keys))
    flat = parse.flat(config("unused", "--method.name", method))
    assert set(keys) == flat.keys()
    own = {f"method.{field.name}" for field in dataclasses.fields(METHODS[method].Settings)}
    assert {key for key in keys if key.startswith("method.")} == own | {"method.name"}


def test_every_option_says_what_it_is():
    assert not [option.key for option in options("adapt") if not option.help]
    assert set(SHORT.values()) <= {option.key for option in options("adapt")}


KNOWN = {option.key: option for option in options("adapt")}


@pytest.mark.parametrize(
    ("flags", "values"),
    [
        (["--steps", "3"], {"steps": "3"}),
        (["--steps=3", "--seed", "-1"], {"steps": "3", "seed": "-1"}),
        (["--steps=3", "--steps=4"], {"steps": "4"}),
        (["--run.directory="], {"run.directory": ""}),
        (
            ["--from", "runs/a", "--generator=my:G"],
            {"start.run": "runs/a", "network.generator": "my:G"},
        ),
        (["--data.path=a=b"], {"data.path": "a=b"}),
    ],
)
def test_flags_are_texts_by_the_key_of_their_setting(flags, values):
    assert read_flags(flags, KNOWN) == values


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--stesp", "3"], "unknown option --stesp: did you mean --steps"),
        (["--steps"], "--steps has no value behind it: it must be a whole number"),
        (["--steps", "--seed", "3"], "--steps has no value behind it"),
        (["photos"], "photos belongs to no option: .* after --data.path"),
        (["--augment", "color", "cutout"], "write the list as --augment a,b"),
        (["-steps", "3"], "unknown option -steps"),
        (["--dry_rnu"], "did you mean --dry_run"),
    ],
)
def test_flags_that_are_none_are_refused_with_what_may_be_meant(flags, sentence):
    with pytest.raises(SparseganError, match=sentence):
        read_flags(flags, KNOWN, ["--dry_run"])


def test_a_setting_of_another_method_says_whose_it_is():
    key = "method.low"
    others = {option.key: option for option in options("static")}
    with pytest.raises(SparseganError, match=r"no setting of the method in force, but of .*adapt"):
        read_flags([f"--{key}", "3"], others)
    assert settings_options.of_another_method(key, list(KNOWN)) is None
    assert settings_options.of_another_method("method.nothing", list(others)) is None
