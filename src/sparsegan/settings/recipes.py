"""Settings that come with the package, by name; recipes are put together from other files.

A file's key `base` names one file or several, whose settings come first, in that order. A base
that ends in `/*` stands for one recipe for every file of that folder: `static/strong.yaml` with
the base `parts/adapt/*` is the recipes `static/strong/sngan-cifar10`, `static/strong/sngan-stl10`,
…; as a base of another file it is without them. Files in `parts` are bases alone. A base that ends
in `/**` stands for a variant of every recipe that is put together from that file: `sound.yaml` with
the base `parts/published/**` is the recipes `sound/adapt/sngan-cifar10`, ….

`about` says what is trained, `group` what it belongs to and where it was published; of several
files the last to say so wins. The comment behind a setting says where its value is from.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparsegan.errors import SparseganError
from sparsegan.settings.comments import comments
from sparsegan.settings.names import unknown
from sparsegan.settings.options import options
from sparsegan.settings.parse import Layer, dotted, method_of, read_layer

_FOLDER = Path(__file__).parent.parent / "recipes"
_PARTS = "parts/"
_EACH = "/*"
_VARIANTS = "/**"


@dataclass(frozen=True)
class Setting:
    """A setting as a recipe has it.

    Attributes:
        value: Its YAML value.
        source: Where the value is from; empty where the recipe does not say.
    """

    value: Any
    source: str


@dataclass(frozen=True)
class Recipe:
    """A recipe, put together.

    Attributes:
        name: What `--recipe` takes.
        group: What it belongs to, and where that was published.
        about: What is trained.
        layers: Settings, earlier ones first, for `parse.parse`.
        settings: What all layers together set, by dotted key, in the order of `Config`.
        of: The recipe that it is a variant of; empty where it stands by itself.
    """

    name: str
    group: str
    about: str
    layers: tuple[Layer, ...]
    settings: Mapping[str, Setting]
    of: str


@dataclass(frozen=True)
class _File:
    base: tuple[str, ...]
    group: str | None
    about: str | None
    layer: Layer
    sources: Mapping[str, str]

    @property
    def varies(self) -> list[str]:
        """The files of whose recipes it is a variant."""
        return [base.removesuffix(_VARIANTS) for base in self.base if base.endswith(_VARIANTS)]


def names() -> list[str]:
    """The recipes that there are."""
    return sorted(_stacks())


def find(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        SparseganError: There is none.
    """
    if name not in _stacks():
        within = [other for other in names() if name in other.split("/")][:3]
        sentence = f"unknown recipe {name}: did you mean {', '.join(within)} or another of them?"
        if not within:
            sentence = unknown("recipe", name, names(), "`sparsegan recipes`")
        raise SparseganError(f"{sentence} (a file of yours goes to `sparsegan train --config`)")
    parts = _stacks()[name]
    files = [_file(part) for part in parts]
    settings: dict[str, Setting] = {}
    for file in files:
        for key, value in dotted(file.layer.values):
            settings[key] = Setting(value, file.sources.get(key, ""))
    stack = tuple(file.layer for file in files)
    in_force = [option.key for option in options(method_of(stack))]
    return Recipe(
        name,
        next((file.group for file in reversed(files) if file.group), ""),
        next((file.about for file in reversed(files) if file.about), ""),
        stack,
        {key: settings[key] for key in in_force if key in settings},
        name.removeprefix(f"{parts[-1]}/") if files[-1].varies else "",
    )


def layers(name: str) -> list[Layer]:
    """A recipe's settings, earlier ones first.

    Raises:
        SparseganError: There is no such recipe.
    """
    return list(find(name).layers)


@functools.cache
def _stacks() -> dict[str, tuple[str, ...]]:
    """The files that each recipe is put together from, earlier ones first."""
    every = [
        path.relative_to(_FOLDER).with_suffix("").as_posix() for path in _FOLDER.rglob("*.yaml")
    ]
    stacks: dict[str, tuple[str, ...]] = {}
    for name in every:
        if name.startswith(_PARTS) or _file(name).varies:
            continue
        each = [base for base in _file(name).base if base.endswith(_EACH)]
        if not each:
            stacks[name] = tuple(_stack(name))
        for base in each:
            folder = base.removesuffix("*")
            for part in every:
                made = f"{name}/{part.removeprefix(folder)}"
                # A file of the recipe's own name is there to say something else.
                if part.startswith(folder) and made not in every:
                    stacks[made] = tuple(_stack(name, {base: part}))
    variants = {
        f"{name}/{recipe}": (*parts, name)
        for name in every
        for part in _file(name).varies
        for recipe, parts in stacks.items()
        if part in parts
    }
    return stacks | variants


def _stack(name: str, each: Mapping[str, str] | None = None) -> Iterator[str]:
    for base in _file(name).base:
        if not base.endswith(_EACH):
            yield from _stack(base)
        elif each:
            yield from _stack(each[base])
    yield name


@functools.cache
def _file(name: str) -> _File:
    path = _FOLDER / f"{name}.yaml"
    layer = read_layer(path)
    values = dict(layer.values)
    base = values.pop("base", ())
    return _File(
        (base,) if isinstance(base, str) else tuple(base),
        values.pop("group", None),
        values.pop("about", None),
        Layer(layer.origin, values),
        comments(path.read_text()),
    )
