"""A method's settings from keywords."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from sparsegan.errors import SparseganError

if TYPE_CHECKING:
    from sparsegan.methods.base import Settings


def build_settings(cls: "type[Settings]", values: Mapping[str, Any]) -> Any:
    """A method's settings from keywords; an unknown name or choice is refused with those known."""
    names = [field.name for field in dataclasses.fields(cls)]
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise SparseganError(f"unknown setting {name!r}: {hint}")
    for name, kind in get_type_hints(cls).items():
        if get_origin(kind) is Literal and values.get(name, get_args(kind)[0]) not in get_args(
            kind
        ):
            choices = ", ".join(get_args(kind))
            raise SparseganError(f"{name} is {values[name]!r}: choose one of {choices}")
    return cls(**values)


def intervals(settings: "Settings") -> list[tuple[str, Any]]:
    """The settings that are numbers of steps or records, by name, those that there are."""
    names = ("balance_every", "balance_window", "interval", "control_interval")
    present = [(name, getattr(settings, name, None)) for name in names]
    return [(name, value) for name, value in present if value is not None]
