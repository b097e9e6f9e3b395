"""A study's cells: each arm at each point of the axes with each seed, one run each."""

import functools
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.plan.match import Budget, small_dense
from sparsegan.plan.plan import outline
from sparsegan.record.primary import PRIMARY
from sparsegan.settings import recipes, scale
from sparsegan.settings.config import Config
from sparsegan.settings.names import unknown
from sparsegan.settings.options import options
from sparsegan.settings.parse import Layer, check, dotted, flat, method_of, parse

_LONGEST, _LONGEST_NAME = 60, 200


@dataclass(frozen=True)
class Group:
    """The settings that a study or an arm states.

    Attributes:
        recipe: The recipe that they begin with; None: none.
        scale: `small` makes the cell one of minutes (`settings.scale`); None: as it is.
        match: `weights` or `flops` makes of the settings those of a dense run of narrower networks
            that cost as much (`plan.match`); None: as they are.
        layer: The settings themselves.
    """

    recipe: str | None
    scale: str | None
    match: Budget | None
    layer: Layer

    @property
    def stated(self) -> frozenset[str]:
        """The dotted keys of the settings themselves."""
        return frozenset(dict(dotted(self.layer.values)))

    def layers(self) -> list[Layer]:
        """All that is stated, earlier ones first."""
        begun = recipes.layers(self.recipe) if self.recipe else []
        return [*begun, self.layer] if self.layer.values else begun


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        name: `arm[,key=value…]/seed=n`, also the folder of its run below `runs`.
        arm: The arm's name.
        axes: The value of each axis by dotted key; those that the arm's method does not have are
            not there.
        seed: The run's seed.
        config: All its settings, without a directory.
    """

    name: str
    arm: str
    axes: Mapping[str, Any]
    seed: int
    config: Config

    @property
    def point(self) -> str:
        """What the cells of all seeds have in common: the name without the seed."""
        return self.name.rpartition("/")[0]


def nested(values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Settings with dotted keys anywhere, as groups within groups.

    Raises:
        SparseganError: A setting is there twice, or is a group in one place and none in another.

    Example:
        >>> nested({"method.name": "sdst", "method": {"interval": 5}}, "here")
        {'method': {'name': 'sdst', 'interval': 5}}
    """
    tree: dict[str, Any] = {}
    for key, value in values.items():
        head, _, rest = key.partition(".")
        if rest:
            value = {rest: value}
        if not isinstance(value, Mapping):
            if head in tree:
                raise SparseganError(f"{head} is there twice in {origin}: remove one of the two")
            tree[head] = value
        elif isinstance(tree.get(head, {}), dict):
            before = tree.get(head, {})
            twice = sorted(dict(dotted(before)).keys() & dict(dotted(value)).keys())
            if twice:
                raise SparseganError(
                    f"{head}.{twice[0]} is there twice in {origin}: remove one of the two"
                )
            tree[head] = _joined(before, nested(value, origin))
        else:
            raise SparseganError(f"{head} is there twice in {origin}: remove one of the two")
    return tree


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(first)
    for key, value in second.items():
        both = isinstance(value, dict) and isinstance(joined.get(key), dict)
        joined[key] = _joined(joined[key], value) if both else value
    return joined


def cells(
    base: Group,
    arms: Mapping[str, Group],
    axes: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    origin: str,
) -> list[Cell]:
    """Every cell, in the order of arms, axes and seeds.

    An axis that an arm's method does not have is none of that arm: a dense run has no density.
    What a study does not say is set so that cells compare: one thread each, and evaluations at
    `PRIMARY`.

    Raises:
        SparseganError: A setting is unknown, of the wrong type or out of its range, or an axis is
            one of no arm.
    """
    made = [
        cell
        for arm, group in arms.items()
        for point in _points([*base.layers(), *group.layers()], axes, f"axes of {origin}")
        for cell in _cells(arm, [base, group], point, seeds, origin)
    ]
    for key in axes:
        if not any(key in cell.axes for cell in made):
            known = {option.key for name in METHODS for option in options(name)}
            if key in known:
                raise SparseganError(f"{key} (in axes of {origin}) is a setting of no arm's method")
            raise SparseganError(f"{unknown('key', key, sorted(known))} (in axes of {origin})")
    names = Counter(cell.name for cell in made)
    twice = next((name for name, times in names.items() if times > 1), None)
    if twice is not None:
        raise SparseganError(f"two cells of {origin} are both {twice}: list every value once")
    return made


def _points(
    stated: Sequence[Layer], axes: Mapping[str, Sequence[Any]], origin: str
) -> Iterator[dict[str, Any]]:
    """Each combination of an arm's axes: those that its method has, or the methods on an axis."""
    for name in axes.get("method.name", [None]):
        own = dict(axes) if name is None else {**axes, "method.name": [name]}
        method = [Layer(origin, {"method": {"name": name}})] if name is not None else []
        has = {option.key for option in options(method_of([*stated, *method]))}
        own = {key: values for key, values in own.items() if key in has}
        for values in itertools.product(*own.values()):
            yield dict(zip(own, values, strict=True))


def _cells(
    arm: str, groups: Sequence[Group], point: Mapping[str, Any], seeds: Sequence[int], origin: str
) -> Iterator[Cell]:
    """An arm's cells at a point of the axes."""
    layers = [layer for group in groups for layer in group.layers()]
    if point:
        layers.append(Layer(f"axes of {origin}", nested(point, origin)))
    try:
        config = _config(layers, groups, point)
        values = flat(config)
        axes = {key: values[key] for key in point}
        budget = next((group.match for group in reversed(groups) if group.match), None)
        if budget is not None:
            config = _matched(config, budget)
        check(config)
    except SparseganError as error:
        if origin in str(error):
            raise
        raise SparseganError(f"{error} (in arm {arm} of {origin})") from None
    name = ",".join([arm, *(f"{key}={_text(value)}" for key, value in axes.items())])
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{_hash(name)}"
    for seed in seeds:
        yield Cell(f"{name}/seed={seed}", arm, axes, seed, replace(config, seed=seed))


def _config(layers: Sequence[Layer], groups: Sequence[Group], at: Mapping[str, Any]) -> Config:
    """The settings that layers add up to, and what a study sets where nothing is said."""
    stated = at.keys() | {key for group in groups for key in group.stated}
    config = parse(layers)
    wanted = next((group.scale for group in reversed(groups) if group.scale), None)
    if wanted == "small":
        config, _ = scale.small(config, stated)
    if "threads" not in stated:
        config = replace(config, threads=1)
    if "evaluate.at" not in stated:
        config = replace(config, evaluate=replace(config.evaluate, at=PRIMARY))
    return config


@functools.lru_cache(maxsize=256)
def _matched(config: Config, budget: Budget) -> Config:
    return small_dense(config, outline(config).config, budget)[0]


def _text(value: Any) -> str:
    """An axis value within the name of a folder."""
    items = value if isinstance(value, (list, tuple)) else [value]
    text = "+".join("none" if item is None else str(item) for item in items)
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", text)
    return plain if len(plain) <= _LONGEST else f"{plain[-_LONGEST:]}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
