import typing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparsegan import yaml_text
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings import parse
from sparsegan.settings.config import Config
from sparsegan.settings.options import options
from sparsegan.settings.parse import Layer
from sparsegan.settings.values import LARGEST, describe_type, fit

SETTINGS = list(
    {
        (option.key, option.type): (method, option)
        for method in METHODS
        for option in options(method)
    }.values()
)


def nested(key, value, method):
    group = value
    for part in reversed(key.split(".")):
        group = {part: group}
    return {"method": {"name": method}} | group if not key.startswith("method.") else group


def parsed(method, key, value):
    layers = [
        Layer("base", {"method": {"name": method}}),
        Layer("mine", nested(key, value, method)),
    ]
    return parse.flat(parse.parse(layers))[key]


@pytest.mark.parametrize(
    ("method", "option"), SETTINGS, ids=lambda each: getattr(each, "key", each)
)
def test_every_setting_without_a_value_is_null_or_refused(method, option):
    if type(None) in typing.get_args(option.type):
        left_out = parse.flat(parse.parse([Layer("base", {"method": {"name": method}})]))
        assert parsed(method, option.key, None) in (None, left_out[option.key])
    elif option.key != "method.name":
        with pytest.raises(
            SparseganError, match=f"^{option.key} has no value: it must be "
        ) as refused:
            parsed(method, option.key, None)
        assert describe_type(option.type) in str(refused.value)
        assert "(in mine)" in str(refused.value)


@pytest.mark.parametrize(
    ("method", "option"), SETTINGS, ids=lambda each: getattr(each, "key", each)
)
def test_every_setting_names_itself_where_a_value_is_of_no_type(method, option):
    name = option.key if option.key != "method.name" else "method"
    for odd in ({}, {"a": 1}, [None], [[[]]], b"x", float("nan"), object()):
        with pytest.raises(SparseganError, match=name):
            parsed(method, option.key, odd)


def groups():
    names = {option.key.rpartition(".")[0] for _, option in SETTINGS}
    return sorted(names - {""} | {name.rpartition(".")[0] for name in names} - {""})


@pytest.mark.parametrize("group", groups())
def test_a_group_left_blank_is_named(group):
    with pytest.raises(SparseganError, match=f"the group {group} of mine is empty"):
        parse.parse(
            [Layer("mine", nested(group, None, "adapt") if group != "method" else {"method": None})]
        )


@settings(max_examples=200, deadline=None)
@given(
    setting=st.sampled_from(SETTINGS),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    ),
)
def test_any_value_is_of_its_type_or_refused_in_one_sentence(setting, value):
    method, option = setting
    mine = Layer("mine", nested(option.key, value, method))
    try:
        config = parse.parse([Layer("base", {"method": {"name": method}}), mine])
    except SparseganError as refused:
        sentence = str(refused)
        assert ("\n" in sentence, len(sentence) < 600) == (False, True)
    else:
        assert parse.parse([Layer("again", yaml_text.load(parse.to_yaml(config)))]) == config


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("cat", tuple[str, ...], ("cat",)),
        ("cat, dog", tuple[str, ...], ("cat", "dog")),
        ("[cat, 007, 1, yes]", tuple[str, ...], ("cat", "007", "1", "yes")),
        ("", tuple[str, ...], ()),
        ("0.5,0.999", tuple[float, float], (0.5, 0.999)),
        ("null", str | None, None),
        ("Yes", bool, True),
        ("off", bool, False),
        ("1_000", int, 1000),
        ("0x10", int, 16),
        ("-3", int, -3),
        ("2e-4", float, 2e-4),
        (3, str, "3"),
        ("3", typing.Literal[1, 3], 3),
    ],
)
def test_texts_are_read_by_what_is_wanted(text, kind, value):
    assert fit("key", text, kind) == value
    assert type(fit("key", text, kind)) is type(value)


@pytest.mark.parametrize(
    ("value", "kind", "form"),
    [
        ("10k", int, "key is '10k': it must be a whole number, written out: 10000"),
        ("1e5", int, "written out: 100000"),
        (1e5, int, "written out: 100000"),
        ("010", int, "key is '010': it must be a whole number"),
        ("1:30", int, "a whole number"),
        ("٣", int, "a whole number"),
        (True, int, "a whole number"),
        ("inf", float, "a number"),
        (10**400, float, "a number"),
        (True, typing.Literal[1, 3], "one of 1, 3"),
        (True, str, "in quotes where it is text: 'True'"),
        ("", str, "text, and not empty"),
        ("a\0b", str, "text"),
        ([0.5], tuple[float, float], "a list of 2 values such as 0.0,0.9"),
        ("[a", tuple[str, ...], "a list such as a,b"),
        ([None, None], tuple[str, ...], "a list such as a,b"),
        (list(range(1000)), int, "key is a list of 1000 values"),
    ],
)
def test_what_does_not_fit_is_told_with_the_form(value, kind, form):
    with pytest.raises(SparseganError) as refused:
        fit("key", value, kind)
    assert form in str(refused.value)


@pytest.mark.parametrize(
    ("method", "option"), SETTINGS, ids=lambda each: getattr(each, "key", each)
)
def test_no_whole_number_is_beyond_what_files_hold(method, option):
    if int in (option.type, *typing.get_args(option.type)):
        for number in (LARGEST + 1, -LARGEST - 1):
            with pytest.raises(SparseganError, match=f"^{option.key} is .*: it must be at"):
                parsed(method, option.key, number)


@settings(deadline=None)
@given(name=st.text(st.characters(exclude_characters="\0"), min_size=1))
@example(name="2024-01-01")
@example(name="1e5")
@example(name="010")
@example(name="1:30")
@example(name="yes")
@example(name="~")
@example(name="<<")
def test_any_name_is_read_back_from_a_written_configuration(name, tmp_path_factory):
    config = parse.parse([Layer("mine", {"data": {"path": name, "classes": [name]}})])
    file = tmp_path_factory.mktemp("written") / "config.yaml"
    parse.write(file, config)
    assert parse.read(file) == config
    assert isinstance(config, Config)
