"""Writes src/sparsegan/methods/keywords: what each method is built with, out of its `Settings`.

Usage: python scripts/method_keywords.py
"""

import dataclasses
import textwrap
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sparsegan.methods import METHODS, Method
from sparsegan.methods.settings import Settings
from sparsegan.settings.options import attribute_help

FOLDER = Path(__file__).parents[1] / "src" / "sparsegan" / "methods" / "keywords"

SHARED = {
    "G": "The generator, wrapped (DataParallel, Fabric) or not; masked at once.",
    "D": "The discriminator.",
    "opt_G": "The generator's optimiser.",
    "opt_D": "The discriminator's optimiser.",
    "steps": "Generator steps of the whole run, which the schedules span.",
    "seed": "Of masks, random growth and ties; equal on every rank, whatever the global seed.",
    "include": "A rule of your own instead of ``maskable``, from a layer's name and module: which "
    "layers are masked.",
    "engine": "What the networks run on: ``native`` sparse CPU kernels, dense ``masked`` ones, or "
    "``auto`` to time both once, in the first training forward, and take the faster.",
}
"""What every method is built with."""

FILE = '''"""What `{name}` is built with; written by scripts/method_keywords.py."""

from typing import Literal

from torch import nn, optim

from sparsegan.engine import Wanted
from sparsegan.methods.base import Method
from sparsegan.methods.keywords.documented import documented
from sparsegan.sparsity.maskable import Include


class {name}Keywords(Method):
    """The keywords of `{name}`: the fields of its settings."""

    @documented
    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        opt_G: optim.Optimizer,
        opt_D: optim.Optimizer,
        *,
        steps: int,
        seed: int = 0,
        include: Include | None = None,
        engine: Wanted = "auto",
{parameters}
    ) -> None:
        """Make two networks sparse; `after_generator_step` does the rest.

        Args:
{arguments}

        Raises:
            SparseganError: For settings that do not exist or do not fit, an optimiser that is not
                the network's or not supported, or a network with nothing to mask.
        """
'''


def source(method: type[Method]) -> str:
    """The file of a method."""
    settings = method.Settings
    types_of, helps = get_type_hints(settings), attribute_help(settings)
    fields = sorted(dataclasses.fields(settings), key=_rank)
    parameters = [
        f"{field.name}: {annotation(types_of[field.name])} = {literal(field.default)},"
        for field in fields
    ]
    described = SHARED | {field.name: helps[field.name] for field in fields}
    return FILE.format(
        name=method.__name__,
        parameters=textwrap.indent("\n".join(parameters), " " * 8),
        arguments="\n".join(_paragraph(name, text) for name, text in described.items()),
    )


def _rank(field: "dataclasses.Field[Any]") -> tuple[bool, bool]:
    """Densities first, what all methods share last; among equals as the settings have it."""
    shared = {each.name for each in dataclasses.fields(Settings)}
    return field.name in shared, not field.name.endswith("_density")


def path(method: type[Method]) -> Path:
    """Where that file is."""
    return FOLDER / f"{method.__module__.rpartition('.')[2]}.py"


def annotation(kind: Any) -> str:
    """A type as it is written in a signature."""
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(literal, get_args(kind)))}]"
    if get_origin(kind) in (Union, types.UnionType):
        return " | ".join(map(annotation, get_args(kind)))
    if get_origin(kind) is None:
        return "None" if kind is type(None) else str(kind.__name__)
    return str(kind)


def literal(value: Any) -> str:
    """A value as it is written in a source file."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _paragraph(name: str, text: str) -> str:
    first, rest = " " * 12, " " * 16
    return textwrap.fill(
        f"{name}: {text}", 100, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in METHODS.values():
        path(each).write_text(source(each))
