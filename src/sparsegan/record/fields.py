"""Reads JSON objects as dataclasses by the types of their fields, tolerantly.

A run that went wrong must be readable, too. A number that is missing, of another type or not finite
becomes None, a missing text becomes empty, and a list loses the items that cannot be read. An
object is left out as a whole if it lacks a number that its type does not allow to be None.
"""

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

Reader = Callable[[Any], Any]
"""Makes a field's value of a JSON value; None where it cannot be read."""

LARGEST = 1e150
"""Numbers of this size count as infinite, so that sums and squares of smaller ones are finite."""


def finite(value: object) -> float | None:
    """`value` as a float where it is a finite number (a bool is none), else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < LARGEST else None


def reader(kind: Any) -> Reader:
    """The function that reads JSON values as a type.

    Args:
        kind: `str`, `bool`, `int`, `float`, `Any`, a dataclass, a NamedTuple (a list in JSON), a
            tuple of one type or of several, a `Mapping` with texts as keys, or the union of one of
            these and None.

    Raises:
        TypeError: For any other type.
    """
    return _reader(kind)


@functools.cache
def _reader(kind: Any) -> Reader:
    arguments = get_args(kind)
    if get_origin(kind) is types.UnionType:
        (inner,) = (each for each in arguments if each is not types.NoneType)
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) is tuple:
        if arguments[-1] is Ellipsis:
            return _list(_reader(arguments[0]))
        return _row(tuple, [_reader(each) for each in arguments])
    if get_origin(kind) is Mapping:
        return _mapping(_reader(arguments[1]))
    if is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, tuple):
        return _row(kind._make, [_reader(each) for each in get_type_hints(kind).values()])  # type: ignore[attr-defined]
    raise TypeError(f"no field is read as {kind}")


def key(field: "Field[Any]") -> str:
    """The name of a dataclass's field in JSON: `key` in its metadata, else its own name."""
    return str(field.metadata.get("key", field.name))


def _integer(value: Any) -> int | None:
    number = finite(value)
    return None if number is None else int(number)


_PLAIN: dict[Any, Reader] = {
    Any: lambda value: value,
    str: lambda value: "" if value is None else str(value),
    bool: lambda value: value is not False,
    float: finite,
    int: _integer,
}


def _list(read: Reader) -> Reader:
    def items(value: Any) -> tuple[Any, ...] | None:
        if not isinstance(value, list):
            return None
        return tuple(item for item in map(read, value) if item is not None)

    return items


def _row(make: Callable[[list[Any]], Any], readers: list[Reader]) -> Reader:
    def row(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(readers):
            return None
        items = [read(item) for read, item in zip(readers, value, strict=True)]
        return None if None in items else make(items)

    return row


def _mapping(read: Reader) -> Reader:
    def mapping(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        items = ((name, item, read(item)) for name, item in value.items())
        return {name: known for name, item, known in items if known is not None or item is None}

    return mapping


def _object(kind: Any) -> Reader:
    types_of = get_type_hints(kind)
    parts = [
        (field.name, key(field), _reader(types_of[field.name]), _unknown(types_of[field.name]))
        for field in fields(kind)
    ]

    def read_object(value: Any) -> Any:
        if not isinstance(value, dict):
            return None
        values = {}
        for name, called, read, unknown in parts:
            known = read(value.get(called))
            if known is None and unknown is _NEEDED:
                return None
            values[name] = unknown if known is None else known
        return kind(**values)

    return read_object


_NEEDED = object()


def _unknown(kind: Any) -> Any:
    """What replaces a value that cannot be read: None where the type allows it, else no items."""
    origin = get_origin(kind)
    if origin is types.UnionType or kind is Any:
        return None
    if origin is Mapping:
        return {}
    return () if origin is tuple and get_args(kind)[-1] is Ellipsis else _NEEDED
