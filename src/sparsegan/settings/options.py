"""The settings of a run as options: keys, types, defaults and help out of the dataclasses."""

import dataclasses
import inspect
import re
import types
import typing
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NoReturn

from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace

from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings.config import Config, MethodChoice
from sparsegan.settings.names import unknown

SHORT = {
    "generator": "network.generator",
    "discriminator": "network.discriminator",
    "from": "start.run",
    "from_checkpoint": "start.checkpoint",
}
"""Flags that are short for another."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One setting: its dotted key, type, default and what its docstring says."""

    key: str
    type: Any
    default: Any
    help: str


class _Help(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Types and defaults beside each option, and examples as they were written."""


class SettingsParser(ArgumentParser):
    """Accepts every setting as a flag `--group.key VALUE` and speaks in one sentence on errors.

    Args:
        method: Whose settings the group `method` has.
        kwargs: As for `jsonargparse.ArgumentParser`.

    Attributes:
        known: The settings by key.
        own: The group for options of a command itself, first in its help.
    """

    def __init__(self, method: str, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Help, **kwargs)
        self.known = {option.key: option for option in options(method)}
        self.own = self.add_argument_group("what to do")
        groups: dict[str, Any] = {}
        for option in self.known.values():
            name = option.key.partition(".")[0] if "." in option.key else "run length and batches"
            if name not in groups:
                groups[name] = self.add_argument_group(name)
            flags = [
                f"--{option.key}",
                *[f"--{s}" for s, key in SHORT.items() if key == option.key],
            ]
            groups[name].add_argument(
                *flags, type=option.type, default=option.default, help=option.help
            )

    def start_from(self, values: Namespace) -> None:
        """Have other values than the dataclasses' for what no flag sets, in the help, too."""
        self.set_defaults(dict(values.items()))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the parser's complaint as a SparseganError of one sentence."""
        wrong_type = re.match(
            r'Parser key "([^"]+)":.*(?:Got|Given) value: (.*)', message, re.DOTALL
        )
        not_known = re.match(r"unrecognized arguments: (\S+)", message)
        if wrong_type and wrong_type[1] in self.known:
            key, value = wrong_type.groups()
            wanted = describe_type(self.known[key].type)
            raise SparseganError(f"{key} is {value!r}: it must be {wanted}")
        if not_known:
            name = not_known[1].split("=")[0]
            if not name.startswith("-"):
                raise SparseganError(
                    f"{name} belongs to no option: write --key value, and a folder of images "
                    "after --data.path"
                )
            flags = [flag for action in self._actions for flag in action.option_strings]
            other = of_another_method(name.lstrip("-"), list(self.known))
            raise SparseganError(other or unknown("option", name, flags))
        raise SparseganError(" ".join(message.split()))


def options(method: str) -> Iterator[Option]:
    """Every setting of a run with that method, in the order of `Config`."""
    method_options = list(_options(METHODS[method].Settings, "method."))
    name = Option("method.name", Literal[tuple(METHODS)], method, "Training method.")
    for option in _options(Config, ""):
        if option.key == "method":
            yield from (name, *method_options)
        else:
            yield option


def of_another_method(key: str, known: Sequence[str]) -> str | None:
    """A sentence where a key is a setting, but of other methods than the one in force."""
    owners = [name for name in METHODS if key in {option.key for option in options(name)}]
    if not owners or key in known:
        return None
    return f"{key} is no setting of the method in force, but of {', '.join(owners)}"


def _options(cls: Any, prefix: str) -> Iterator[Option]:
    types_of, helps = typing.get_type_hints(cls), attribute_help(cls)
    for field in dataclasses.fields(cls):
        key, kind = prefix + field.name, types_of[field.name]
        if dataclasses.is_dataclass(kind) and kind is not MethodChoice:
            yield from _options(kind, key + ".")
        else:
            default = None if field.default is dataclasses.MISSING else field.default
            yield Option(key, kind, default, helps.get(field.name, ""))


def attribute_help(cls: type) -> dict[str, str]:
    """What the "Attributes:" sections of a class's and its bases' docstrings say of each field."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, section = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            found[name] = " ".join(text.split())
    return found


def describe_type(kind: Any) -> str:
    """A type in words: "a number", "one of erk, er, uniform", "a whole number or null"."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if kind in words:
        return words[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [describe_type(part) for part in arguments if part is not type(None)]
        return " or ".join([*inner, *["null"] * (type(None) in arguments)])
    if typing.get_origin(kind) is tuple and Ellipsis not in arguments:
        return f"a list of {len(arguments)} values such as [0.0, 0.9]"
    choices = typing.get_args(arguments[0]) if arguments else ()
    if choices:
        return f"a list such as [{choices[0]}], of {', '.join(map(str, choices))}"
    return "a list such as [a, b]"
