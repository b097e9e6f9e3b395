"""One value against the type of its setting, whether it is from YAML or from a command line."""

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError

LARGEST = 2**63 - 1
"""The largest whole number that files and tensors hold."""

_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_UNITS = {"k": 3, "K": 3, "m": 6, "M": 6}


class MisfitError(ValueError):
    """A value that is not of the type."""


def fit(key: str, value: Any, kind: Any, origin: str = "") -> Any:
    """A setting's value as its type has it.

    A command line's text is read by what the type wants: ``yes`` is true or text, ``1`` a number or
    a class of that name. Lists may be written as ``[a, b]`` and as ``a,b``.

    Args:
        key: The setting, for the message.
        value: A YAML value or text.
        kind: The type: bool, int, float, str, a Literal, a tuple of such, or one of these
            and None.
        origin: Where the value is from, for the message.

    Raises:
        SparseganError: The value is missing where there has to be one, or is not of the type.

    Example:
        >>> fit("betas", "0, 0.9", tuple[float, float]), fit("flip", "yes", bool)
        ((0.0, 0.9), True)
    """
    try:
        return _fit(value, kind)
    except MisfitError:
        is_what = "has no value" if value is None else f"is {shown(value)}"
        where = f" (in {origin})" if origin else ""
        raise SparseganError(
            f"{key} {is_what}: it must be {describe_type(kind)}{_hint(value, kind)}{where}"
        ) from None


def _fit(value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _fit_one_of(value, typing.get_args(kind))
    if origin is Literal:
        return _fit_choice(value, typing.get_args(kind))
    if origin is tuple:
        return _fit_list(value, typing.get_args(kind))
    return _PLAIN[kind](value)


def _fit_one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    if type(None) in kinds and (value is None or value == "null"):
        return None
    for kind in kinds:
        if kind is not type(None):
            try:
                return _fit(value, kind)
            except MisfitError:
                continue
    raise MisfitError


def _fit_choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        for choice in choices:
            if str(choice) == str(value).strip():
                return choice
    raise MisfitError


def _fit_list(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        value = _items(value)
    if not isinstance(value, (list, tuple)):
        raise MisfitError
    if kinds[1:] == (Ellipsis,):
        return tuple(_fit(item, kinds[0]) for item in value)
    if len(value) != len(kinds):
        raise MisfitError
    return tuple(_fit(item, kind) for item, kind in zip(value, kinds, strict=True))


def _items(value: str | int) -> Any:
    """The items of a list as people write one: ``[a, b]``, ``a,b``, or ``a`` alone."""
    text = str(value).strip()
    if text.startswith("(") and text.endswith(")"):
        text = f"[{text[1:-1]}]"
    if text.startswith("["):
        try:
            return yaml_text.load(text)
        except (yaml.YAMLError, SparseganError):
            raise MisfitError from None
    return [item.strip() for item in text.split(",")] if text else []


def _fit_bool(value: Any) -> bool:
    text = value.strip().lower() if isinstance(value, str) else value
    if isinstance(value, bool) or text in _TRUE + _FALSE:
        return value if isinstance(value, bool) else text in _TRUE
    raise MisfitError


def _fit_int(value: Any) -> int:
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[-+]?(0|[1-9]\d{0,2}(_\d{3})+|[1-9]\d{0,99})", text, re.ASCII):
            return int(text)
        if re.fullmatch(r"0x[0-9a-fA-F]{1,32}", text):
            return int(text, 16)
        raise MisfitError
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise MisfitError


def _fit_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise MisfitError
    if isinstance(value, str) and not re.fullmatch(r"[-+0-9.eE_]{1,100}", value.strip()):
        raise MisfitError
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise MisfitError from None
    if not math.isfinite(number):
        raise MisfitError
    return number


def _fit_text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value and "\0" not in value:
        return value
    raise MisfitError


_PLAIN: Mapping[Any, Callable[[Any], Any]] = {
    bool: _fit_bool,
    int: _fit_int,
    float: _fit_float,
    str: _fit_text,
}


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
        return f"a list of {len(arguments)} values such as 0.0,0.9"
    choices = typing.get_args(arguments[0]) if arguments else ()
    if choices:
        return (
            f"a list such as {','.join(map(str, choices[:2]))}, of {', '.join(map(str, choices))}"
        )
    return "a list such as a,b"


def shown(value: Any) -> str:
    """A value as it was written, cut where it is long."""
    if isinstance(value, (list, tuple, dict)) and len(value) > 8:
        return f"a {'group' if isinstance(value, dict) else 'list'} of {len(value)} values"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:80]}…"


def _hint(value: Any, kind: Any) -> str:
    """How to write what seems to be meant."""
    kinds = typing.get_args(kind) or (kind,)
    if int in kinds and isinstance(value, (str, float)):
        unit = re.fullmatch(r"\s*(\d{1,6})\s*([kKmM])\s*", str(value))
        if unit:
            return f", written out: {unit[1]}{'0' * _UNITS[unit[2]]}"
        if re.fullmatch(r"\d+(\.\d+)?[eE]\+?\d{1,2}", str(value)) or isinstance(value, float):
            number = float(value)
            if number.is_integer() and abs(number) <= LARGEST:
                return f", written out: {int(number)}"
    if int in kinds and re.fullmatch(r"\d{1,3}(,\d{3})+", str(value)):
        return f", written out: {str(value).replace(',', '')}"
    share = re.fullmatch(r"(\d{1,3}(\.\d+)?)\s*%", str(value))
    if float in kinds and share:
        return f", written out: {float(share[1]) / 100:g}"
    if str in kinds and value == "":
        return ", and not empty"
    if str in kinds and isinstance(value, (bool, float)):
        return f", in quotes where it is text: '{value}'"
    return ""
