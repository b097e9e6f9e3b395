"""A study's file: `base`, `arms`, `axes`, `seeds` and `directory`, read strictly.

`base` and every arm hold settings as `sparsegan train --config` takes them, in groups or under
dotted keys, and besides `recipe`, the settings that they begin with, `scale`, and `match`, which
makes of sparse settings their small dense equal (`plan.match`). Later ones win: the base, the arm,
the axes. `axes` are settings by dotted key with a list of values each; `seeds`
is a list of numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text, expanded
from sparsegan.plan.match import BUDGETS
from sparsegan.settings.names import nearest, unknown
from sparsegan.settings.options import options
from sparsegan.settings.parse import Layer, flat
from sparsegan.settings.scale import SCALES
from sparsegan.settings.values import LARGEST, fit, shown
from sparsegan.study import paths
from sparsegan.study.cells import Cell, Group, cells, nested

COPY = "study.yaml"
"""The copy of the file in the study's folder, by which the folder can be named in its stead."""

_HEADING = "# The study"
_SHIPPED = Path(__file__).parent.parent / "studies"
_KEYS = ("about", "base", "arms", "axes", "seeds", "directory", "name")
_OUTCOME = ("index.html", "table.md", "table.csv", "results.json")
_PARENT = Path("studies")
_MOST = 10_000


@dataclass(frozen=True)
class Study:
    """A study, complete.

    Attributes:
        name: What to call it.
        about: What it is to show, in the file's words; may be empty.
        directory: Where its runs are.
        origin: Its file.
        arms: Their names, in order.
        axes: Their dotted keys, in order.
        seeds: In order.
        cells: Every run.
        content: The file's own content, for the copy.
    """

    name: str
    about: str
    directory: Path
    origin: Path
    arms: tuple[str, ...]
    axes: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    content: Mapping[str, Any]

    @property
    def copy(self) -> Path:
        """Where the copy of its file is."""
        return self.directory / COPY

    def cell(self, name: str) -> Cell:
        """The cell of a name.

        Raises:
            SparseganError: There is none.
        """
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise SparseganError(unknown("cell", name, [cell.name for cell in self.cells]))

    def left_out(self) -> list[str]:
        """Cells that the folder has and the study no longer: kept, and in no table."""
        own = {cell.name for cell in self.cells}
        return [name for name in paths.names(self.directory) if name not in own]

    def write_copy(self) -> None:
        """Put the file's content into the study's folder, where it is not there already.

        Raises:
            SparseganError: There is a file of that name that is no such copy.
        """
        if self.copy.exists() and self.copy.samefile(self.origin):
            return
        heading = f"{_HEADING} {self.name} in this folder: `sparsegan study` takes its name.\n"
        content = {"name": self.name, **self.content}
        content.pop("directory", None)
        text = heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        foreign = [name for name in _OUTCOME if (self.directory / name).exists()]
        if foreign and not self.copy.exists():
            raise SparseganError(
                f"{self.directory} holds {foreign[0]}, which is of no study and would be written "
                "over: choose another directory"
            )
        before = self.copy.read_text(encoding="utf-8") if self.copy.is_file() else _HEADING
        if not before.startswith(_HEADING):
            raise SparseganError(
                f"{self.copy} is where a copy of the study's file is to be, and is not one: choose "
                "another directory, or move it"
            )
        if before != text:
            atomic_write_text(self.copy, text)


def shipped() -> list[str]:
    """The studies that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def read(which: str | Path, directory: Path | None = None) -> Study:
    """A study by its file, its folder, or its name among those of the package.

    Args:
        which: A path or a name.
        directory: Where its runs are to be; None: as the file says, or `studies/<name>`.

    Raises:
        SparseganError: There is no such study, or its file cannot be read, has an unknown key or
            setting, or a value of the wrong type.
    """
    path = expanded(which)
    if path.is_dir() and (path / COPY).is_file():
        return _study(path / COPY, directory or path)
    if not path.exists() and str(which) in shipped():
        path = _SHIPPED / f"{which}.yaml"
    elif path.is_dir():
        raise SparseganError(f"{path} holds no study: it has no {COPY}; name a study's file")
    elif not path.exists():
        near = nearest(str(which), shipped())
        hint = f"did you mean {near[0]}?" if near else f"those are {', '.join(shipped())}"
        raise SparseganError(
            f"{which} is neither a file nor a study of the package: {hint} (a file of yours is "
            "named by its path)"
        )
    return _study(path, directory)


def _study(path: Path, directory: Path | None) -> Study:
    origin = str(path)
    content = yaml_text.read(path)
    if not isinstance(content, Mapping):
        raise SparseganError(
            f"{path} holds {'nothing' if content is None else shown(content)}: a study has "
            "`base`, `arms`, `axes` and `seeds`"
        )
    for key in content:
        if key not in _KEYS:
            raise SparseganError(_unknown_key(key) + f" (in {origin})")
    name = _name(content.get("name", path.stem), f"the name of {origin}")
    if directory is None:
        text = fit("directory", content.get("directory"), str | None, origin)
        directory = expanded(text) if text else _PARENT / name
    base = _group(content.get("base", {}), "base", origin)
    arms = _arms(content.get("arms"), origin)
    axes = _axes(content.get("axes", {}), origin)
    seeds = _seeds(content.get("seeds", [0]), origin)
    number = len(arms) * len(seeds)
    for values in axes.values():
        number *= len(values)
    if number > _MOST:
        raise SparseganError(f"{origin} has {number:,} cells: a study has {_MOST:,} at most")
    made = cells(base, arms, axes, seeds, origin)
    return Study(
        name=name,
        about=fit("about", content.get("about"), str | None, origin) or "",
        directory=directory,
        origin=path,
        arms=tuple(arms),
        axes=tuple(axes),
        seeds=seeds,
        cells=tuple(made),
        content=content,
    )


def _unknown_key(key: str) -> str:
    known = {option.key for option in options("adapt")}
    if key in known or key in {each.partition(".")[0] for each in known}:
        return f"{key} is a setting and no part of a study: write it below `base`"
    return unknown("key", key, _KEYS)


def _name(value: Any, what: str) -> str:
    text = fit(what, value, str)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}", text):
        raise SparseganError(
            f"{what} is {shown(text)}: it names a folder, so it must be of letters, digits and "
            "._+-, and begin with a letter or digit"
        )
    return str(text)


def _group(value: Any, what: str, origin: str) -> Group:
    where = f"{what} of {origin}"
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise SparseganError(f"{where} holds {shown(value)}: it must hold `key: value` pairs")
    values = dict(value)
    recipe = fit("recipe", values.pop("recipe", None), str | None, where)
    scale = fit("scale", values.pop("scale", None), str | None, where)
    if scale not in (None, *SCALES):
        raise SparseganError(f"scale is {scale} (in {where}): choose one of {', '.join(SCALES)}")
    match = fit("match", values.pop("match", None), str | None, where)
    if match not in (None, *BUDGETS):
        raise SparseganError(f"match is {match} (in {where}): choose one of {', '.join(BUDGETS)}")
    tree = nested(values, where)
    for key, remedy in (("seed", "list seeds below `seeds`"), ("run", "set `directory` beside it")):
        if key in tree:
            raise SparseganError(f"{where} has {key}, which is the study's own: {remedy}")
    return Group(recipe, scale, match, Layer(where, tree))


def _arms(value: Any, origin: str) -> dict[str, Group]:
    if not isinstance(value, Mapping) or not value:
        raise SparseganError(
            f"{origin} has no arms: write `arms:` with a name and its settings for each, such as "
            "`dense: {method: {name: dense}}`"
        )
    return {
        _name(name, f"an arm of {origin}"): _group(group, f"arm {name}", origin)
        for name, group in value.items()
    }


def _axes(value: Any, origin: str) -> dict[str, list[Any]]:
    where = f"axes of {origin}"
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SparseganError(f"{where} holds {shown(value)}: write `key: [value, value]` lines")
    axes = dict(_lists(value, "", where))
    for key, values in axes.items():
        if key == "seed" or key.startswith("run."):
            raise SparseganError(f"{where} has {key}, which is the study's own: see `seeds`")
        if not values:
            raise SparseganError(f"{key} has no value (in {where}): list one at least")
    return axes


def _lists(value: Mapping[str, Any], prefix: str, where: str) -> Any:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _lists(inner, f"{prefix}{key}.", where)
        elif isinstance(inner, list):
            yield prefix + key, inner
        else:
            raise SparseganError(
                f"{prefix}{key} is {shown(inner)} (in {where}): an axis is a list, [{inner}]"
            )


def _seeds(value: Any, origin: str) -> tuple[int, ...]:
    seeds = fit("seeds", value, tuple[int, ...], origin)
    if not seeds or len(set(seeds)) < len(seeds) or not all(0 <= s <= LARGEST for s in seeds):
        raise SparseganError(
            f"seeds are {shown(list(seeds))} (in {origin}): list different numbers from 0 on, one "
            "at least"
        )
    return tuple(seeds)


def settings_of(cell: Cell) -> dict[str, Any]:
    """A cell's settings by dotted key, its directory left out."""
    return {key: value for key, value in flat(cell.config).items() if key != "run.directory"}
