"""A method's settings from keywords, and what follows from them."""

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


def has_statistics(settings: "Settings") -> bool:
    """Whether what a method keeps of a generator has statistics of its own beside the weights."""
    return settings.ema_decay is None or settings.ema_buffers == "average"


def require_statistics(settings: "Settings", bn: str, weights: str) -> None:
    """Refuse stored statistics for averaged weights whose average has none.

    Args:
        settings: The method's.
        bn: Normalisation while drawing (`draw.sampling.Normalisation`).
        weights: Those that are drawn from (`draw.sampling.Weights`).

    Raises:
        SparseganError: The statistics would be those of other weights.
    """
    if bn == "stored" and weights == "ema" and not has_statistics(settings):
        raise SparseganError(
            "stored statistics are wanted of averaged weights, and the average has none of its own "
            "(method.ema_buffers is live): train with --method.ema_buffers average, or choose "
            "standing or batch statistics"
        )
