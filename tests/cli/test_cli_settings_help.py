"""The help of the commands that take settings."""

import re
from pathlib import Path

import pytest

from sparsegan import cli
from sparsegan.cli.settings_help import FIRST, FIRST_OWN
from sparsegan.methods import METHODS
from sparsegan.settings import parse, recipes
from sparsegan.settings.options import SHORT, options


def printed(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out


def flags_of(text):
    return re.findall(r"^  (?:-h, )?--([\w.]+)", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["train", "cost"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_of_what_a_first_run_may_want_to_change(capsys, command, flag):
    text = printed(capsys, command, flag)
    settings = [name for name in flags_of(text) if name in {o.key for o in options("adapt")}]
    assert sorted(settings) == sorted(FIRST)
    others = set(flags_of(text)) - set(settings) - {"help", "help_all"}
    assert others <= set(FIRST_OWN)
    assert len(text.splitlines()) < 120


@pytest.mark.parametrize("method", ["adapt", "stu-gan", "dense"])
def test_help_all_is_of_every_setting_of_the_method_named(capsys, method):
    text = printed(capsys, "train", "--method.name", method, "--help_all")
    known = [option.key for option in options(method)]
    assert [name for name in flags_of(text) if name in known] == sorted(
        known, key=lambda key: text.index(f"\n  --{key}")
    )
    assert f"all {len(known)} settings" in text
    assert set(known) | {"match", "port", "trust_code"} <= set(flags_of(text))


def test_defaults_are_those_in_force_as_flags_take_them(capsys):
    Path("mine.yaml").write_text("seed: 41\nmethod: {low: 0}\n")
    named = ("--recipe", "fashion-mnist", "--config", "mine.yaml", "--data.flip", "true")
    text = " ".join(printed(capsys, "train", *named, "--help_all").split())
    steps = parse.parse(recipes.layers("fashion-mnist")).steps
    assert f"(a whole number; default: {steps})" in text
    assert "(a whole number; default: 41)" in text
    assert "(a number; default: 0.0)" in text
    assert "(true or false; default: true)" in text
    assert "default: 0.0,0.9)" in text


@pytest.mark.parametrize("method", METHODS)
def test_every_default_of_the_help_is_read_again_as_it_is(capsys, method):
    text = " ".join(printed(capsys, "train", "--method.name", method, "--help_all").split())
    config = parse.parse(recipes.layers("small"), ["--method.name", method])
    parts = re.split(r" --(?=[\w.]+ )", text.partition("examples:")[0])
    defaults = {
        part.split()[0]: default
        for part in parts
        for default in re.findall(r"default: ([^()]+)\)", part)[-1:]
    }
    keys = {option.key for option in options(method)} - {"start.run"}
    written = {key: value for key, value in defaults.items() if key in keys}
    assert len(written) > len(keys) - 5
    flags = [f"--{key}={value}" for key, value in written.items()]
    assert parse.parse(recipes.layers("small"), flags) == config


def test_short_names_and_groups_are_shown(capsys):
    text = printed(capsys, "train", "--help_all")
    assert "\nrun length and batches:" in text
    for short, key in SHORT.items():
        assert re.search(rf"--{key} \w+, --{short} ", text)
