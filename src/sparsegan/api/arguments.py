"""Settings as Python keywords, turned into the command line that says the same."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any

import yaml

from sparsegan.cli.parser import OWNERS
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings.names import unknown
from sparsegan.settings.options import SHORT, options


def flags(settings: Mapping[str, Any]) -> list[str]:
    """The flags of settings: ``steps=500`` is ``--steps=500``.

    A dot of a setting's name is an underscore in a keyword's; a group may be a dict, as in
    config.yaml, or the name of what it is (``method="stu-gan"``).

    Args:
        settings: By keyword.

    Raises:
        SparseganError: There is no such setting; the sentence says the nearest one.

    Example:
        >>> flags({"steps": 500, "method": "sdst", "data": {"flip": True}, "augment": ["color"]})
        ['--steps=500', '--method.name=sdst', '--data.flip=true', '--augment=[color]']
    """
    return [f"--{key}={_text(key, value)}" for key, value in _each(settings, _known(), "")]


def _known() -> dict[str, str]:
    """Every keyword, and the setting that it stands for."""
    keys = dict.fromkeys(option.key for name in METHODS for option in options(name))
    short = {name: key for name, key in SHORT.items() if name != "from"}  # a word of Python's
    return short | {key.replace(".", "_"): key for key in keys}


def _each(
    settings: Mapping[str, Any], known: Mapping[str, str], group: str
) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        keyword = group + str(name).replace(".", "_")
        inner = [other for other in known.values() if other.startswith(f"{name!s}.")]
        if isinstance(value, Mapping):
            yield from _each(value, known, f"{keyword}_")
        elif keyword in known:
            yield known[keyword], value
        elif f"{name}.name" in inner:  # of a group: what it is
            yield f"{name}.name", value
        elif owner := OWNERS.get(f"--{keyword}"):
            raise SparseganError(
                f"{keyword} is no setting, but an option of the command `sparsegan {owner}`"
            )
        else:
            raise SparseganError(
                unknown("setting", keyword, list(known), "sparsegan train --help_all")
            )


def _text(key: str, value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    plain = _plain(key, value)
    if not isinstance(plain, list):
        return str(plain)
    # With quotes around an item that would else be several ones, or another.
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=2**31)
    return text.rstrip("\n")


def _plain(key: str, value: Any) -> Any:
    """A value of the types that YAML has."""
    if value is None or isinstance(value, bool):
        return value
    plain: tuple[tuple[type, type], ...] = ((str, str), (Integral, int), (Real, float))
    for kind, own in plain:
        if isinstance(value, kind):  # of a class of its own, too, such as NumPy's
            return own(value)
    if isinstance(value, PathLike):
        return str(fspath(value))
    if isinstance(value, Sequence):
        return [_plain(key, item) for item in value]
    raise SparseganError(
        f"{key} is a {type(value).__name__}: write it as text, a number or a list of such "
        "(networks by their names, my_module:Class)"
    )
