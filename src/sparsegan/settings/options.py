"""The settings of a run as options: keys, types, defaults and help out of the dataclasses."""

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings.config import Config, MethodChoice
from sparsegan.settings.names import unknown
from sparsegan.settings.values import describe_type

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


def read_flags(
    flags: Sequence[str], known: Mapping[str, Option], others: Sequence[str] = ()
) -> dict[str, str]:
    """The text behind each flag, by the key of its setting; the last of several wins.

    Args:
        flags: Of settings alone.
        known: The settings by key.
        others: Flags that there are besides, for what is nearest to an unknown one.

    Raises:
        SparseganError: There is no such setting, or nothing behind the flag.
    """
    values: dict[str, str] = {}
    before, rest = "", list(flags)
    while rest:
        name, equals, text = rest.pop(0).partition("=")
        key = SHORT.get(name.removeprefix("--"), name.removeprefix("--"))
        if not name.startswith("--") or key not in known:
            raise SparseganError(_unknown(name, before, known, others))
        if not equals:
            if not rest or rest[0].startswith("--"):
                wanted = describe_type(known[key].type)
                raise SparseganError(f"{name} has no value behind it: it must be {wanted}")
            text = rest.pop(0)
        values[key] = text
        before = key
    return values


def _unknown(name: str, before: str, known: Mapping[str, Option], others: Sequence[str]) -> str:
    if not name.startswith("-"):
        if before and "a list" in describe_type(known[before].type):
            return f"{name} belongs to no option: write the list as --{before} a,b"
        return (
            f"{name} belongs to no option: write --key value, and a folder of images "
            "after --data.path"
        )
    flags = [*others, *(f"--{key}" for key in (*SHORT, *known))]
    return of_another_method(name.lstrip("-"), list(known)) or unknown(
        "option", name, flags, "--help_all"
    )


@functools.cache
def options(method: str) -> tuple[Option, ...]:
    """Every setting of a run with that method, in the order of `Config`."""
    method_options = list(_options(METHODS[method].Settings, "method."))
    name = Option("method.name", Literal[tuple(METHODS)], method, "Training method.")
    every: list[Option] = []
    for option in _options(Config, ""):
        every += [name, *method_options] if option.key == "method" else [option]
    return tuple(every)


def is_setting(key: str) -> bool:
    """Whether a run of some method has a setting of that dotted key or short name."""
    return key in SHORT or any(key == option.key for name in METHODS for option in options(name))


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
    helps: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, section = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            helps[name] = " ".join(text.split())
    return helps
