"""Settings that follow from others: each change with its reason, and none of what was asked for."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from sparsegan.settings import parse
from sparsegan.settings.config import Config, MethodChoice


@dataclass(frozen=True)
class Adjustment:
    """A setting that was changed, or stays as it is for a reason.

    Attributes:
        key: Its dotted key.
        before: Its value as it was.
        after: Its value now.
        why: The reason.
    """

    key: str
    before: Any
    after: Any
    why: str

    @property
    def line(self) -> str:
        """As a file of settings states it."""
        braced: str = yaml.safe_dump({self.key: self.after}, default_flow_style=True)
        return braced.strip()[1:-1]

    @property
    def flag(self) -> str:
        """As a command line states it."""
        return f"--{self.key} {shlex.quote(self.line.partition(': ')[2])}"

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.key} {self.after} as the recipe has it: {self.why}"
        return f"{self.key} {self.before} -> {self.after}: {self.why}"


class Adjusting:
    """Settings on their way to others, by dotted key.

    Args:
        config: The settings to begin with.
        kept: Dotted keys that stay as they are.

    Attributes:
        values: As they are now.
        adjustments: What was changed, in order.
    """

    def __init__(self, config: Config, kept: Collection[str]) -> None:
        self.config, self.kept = config, kept
        self.values = parse.flat(config)
        self.adjustments: list[Adjustment] = []

    def put(self, key: str, value: Any, why: str) -> Any:
        """Set what may be set, and return what is now in force; None where there is no such key."""
        before = self.values.get(key)
        if key not in self.values or key in self.kept or value == before:
            return before
        self.values[key] = value
        self.adjustments.append(Adjustment(key, before, value, why))
        return value

    def at_most(self, key: str, value: Any, why: str) -> Any:
        """Lower a setting to a value; 0, which stands for never, stays."""
        before = self.values.get(key)
        return self.put(key, value, why) if before is not None and before > value else before

    def result(self) -> Config:
        """The settings as they are now."""
        config = self.config
        for adjustment in self.adjustments:
            value = (
                tuple(adjustment.after) if isinstance(adjustment.after, list) else adjustment.after
            )
            config = _with(config, adjustment.key.split("."), value)
        return config


def _with(tree: Any, path: Sequence[str], value: Any) -> Any:
    """A tree of frozen dataclasses with one value replaced."""
    if not path:
        return value
    if isinstance(tree, MethodChoice):
        return replace(tree, settings=_with(tree.settings, path, value))
    return replace(tree, **{path[0]: _with(getattr(tree, path[0]), path[1:], value)})
