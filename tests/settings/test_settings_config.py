"""That every setting is documented, immutable, and has a default of its own type."""

import dataclasses
import inspect
import typing

import pytest

from sparsegan.settings import config
from sparsegan.settings.options import attribute_help, options
from sparsegan.settings.values import fit

CLASSES = [
    each
    for _, each in inspect.getmembers(config, dataclasses.is_dataclass)
    if each.__module__ == config.__name__
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_field_is_described_and_nothing_else_is(cls):
    groups = {
        name for name, kind in typing.get_type_hints(cls).items() if dataclasses.is_dataclass(kind)
    }
    fields = {field.name for field in dataclasses.fields(cls)}
    described = set(attribute_help(cls))
    assert fields - groups <= described <= fields


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_settings_cannot_be_changed(cls):
    assert cls.__dataclass_params__.frozen


@pytest.mark.parametrize("option", options("static"), ids=lambda option: option.key)
def test_defaults_are_values_of_their_types(option):
    value = fit(option.key, option.default, option.type)
    assert (value, type(value)) == (option.default, type(option.default))
