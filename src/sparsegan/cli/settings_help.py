"""The help of the commands that take a run's settings: the first ones to know, or every one."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from sparsegan.settings.config import Config
from sparsegan.settings.options import SHORT, Option, options
from sparsegan.settings.parse import flat
from sparsegan.settings.values import describe_type

FIRST = (
    "method.name",
    "method.generator_density",
    "method.discriminator_density",
    "data.source",
    "data.path",
    "data.held_out",
    "data.image_size",
    "steps",
    "batch_size",
    "augment",
    "seed",
    "threads",
    "track",
    "start.run",
    "run.directory",
)
"""Settings that a first run may want to change."""

FIRST_OWN = ("recipe", "config", "scale", "quality", "dry_run", "live", "json", "measure")
"""Likewise, of the commands' own options."""

NUMBERS = {int: "N", float: "X"}
"""What stands for a number of that type."""


def of(
    command: str,
    config: Config,
    add_own: "Callable[[argparse._ActionsContainer], object]",
    *,
    description: str,
    examples: str,
    every: bool,
) -> str:
    """The help of a command, with the defaults in force.

    Args:
        command: Its name.
        config: Has the defaults, and the method whose settings are shown.
        add_own: Adds the options of the command itself.
        description: What the command does.
        examples: What follows the options.
        every: Whether every setting is shown, or those alone that a first run may want to change.
    """
    parser = argparse.ArgumentParser(
        prog=f"sparsegan {command}",
        usage=f"sparsegan {command} [--recipe NAME] [--scale small] [--config FILE] "
        "[--KEY VALUE ...]",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    helps = parser.add_argument_group("help")
    helps.add_argument("-h", "--help", action="help", help="the options to know first")
    shown = options(config.method.name)
    helps.add_argument("--help_all", action="help", help=f"all {len(shown)} settings of a run")
    group = parser.add_argument_group("what to do")
    add_own(group)
    for action in group._group_actions:
        if not every and action.dest not in FIRST_OWN:
            action.help = argparse.SUPPRESS
    values = flat(config)
    groups: dict[str, Any] = {}
    for option in shown:
        if not every and option.key not in FIRST:
            continue
        title = option.key.partition(".")[0] if "." in option.key else "run length and batches"
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        _add(groups[title], option, values)
    return parser.format_help()


def _add(group: Any, option: Option, values: Mapping[str, Any]) -> None:
    kinds = get_args(option.type) or (option.type,)
    names = [option.key, *(name for name, key in SHORT.items() if key == option.key)]
    said = "" if get_origin(option.type) is Literal else f"{describe_type(option.type)}; "
    text = f"{option.help} ({said}default: {_written(values[option.key])})"
    group.add_argument(
        *(f"--{name}" for name in names),
        choices=kinds if get_origin(option.type) is Literal else None,
        metavar=next((word for kind, word in NUMBERS.items() if kind in kinds), None),
        dest=option.key.rpartition(".")[2],
        help=text.replace("``", "`").replace("%", "%%"),
    )


def _written(value: Any) -> str:
    """A value as a flag takes it."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(_written, value)) or "[]"
    return str(value)
