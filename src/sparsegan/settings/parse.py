"""Configurations from YAML and flags, strictly: every key known, every value of its type.

Sources are layers, later ones over earlier ones: a recipe, files, flags. `method.name` is settled
first, and then that method's `Settings` is a plain group, so that no other key can change the
method. Where a later layer names another method, settings of the earlier one that the new one
does not have are left behind; so are widths and noise of an architecture where a later one names a
network of one's own.
"""

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text
from sparsegan.methods import METHODS
from sparsegan.settings import kinds
from sparsegan.settings.config import Config, MethodChoice
from sparsegan.settings.names import unknown
from sparsegan.settings.options import SHORT, Option, of_another_method, options, read_flags
from sparsegan.settings.values import LARGEST, fit, shown

DEFAULT_METHOD = "adapt"

_OF_A_FAMILY = {
    "network.generator": ("network.generator_width", "network.latent_dim"),
    "network.discriminator": ("network.discriminator_width",),
}

_MOST = {
    "threads": 1024,
    "fabric.devices": 1024,
    "data.image_size": 8192,
    "sample.grid": 100,
    "network.generator_width": 65_536,
    "network.discriminator_width": 65_536,
    "network.latent_dim": 1_000_000,
}
"""Beyond these nothing is meant; what the memory holds is asked before a run begins."""
_LEAST_NOISE, _LEAST_ROUNDED_NOISE = 0.001, 0.1
"""Of `loss.r1_noise`, with scores of 32 bits and of 16: smaller differences are roundings."""
_LARGEST_FLOAT = 1e30  # products of two settings and of a step's number are 32-bit numbers, too


@dataclasses.dataclass(frozen=True)
class Layer:
    """One source of settings: a nested mapping, and where it is from for messages."""

    origin: str
    values: Mapping[str, Any]


def parse(
    layers: Sequence[Layer], flags: Sequence[str] = (), other_flags: Sequence[str] = ()
) -> Config:
    """The configuration that layers and flags add up to.

    Args:
        layers: Earlier ones first.
        flags: Command line arguments, over all layers.
        other_flags: Names of flags that there are besides those of settings.

    Raises:
        SparseganError: An unknown key, a value of the wrong type or not in its range.
    """
    known = {option.key: option for option in options(method_of(layers, flags))}
    values = {key: option.default for key, option in known.items()}
    values |= _merge(layers, flags, known)
    for key, text in read_flags(flags, known, other_flags).items():
        values[key] = fit(key, text, known[key].type)
    config = _build(values)
    check(config)
    return config


def method_of(layers: Sequence[Layer], flags: Sequence[str] = ()) -> str:
    """The method in force after all layers and flags.

    Raises:
        SparseganError: There is no such method.
    """
    name = DEFAULT_METHOD
    for layer in layers:
        values = layer.values if isinstance(layer.values, Mapping) else {}
        group = values.get("method")
        if isinstance(group, Mapping):
            name = _known_method(group.get("name", name))
        if "method.name" in values:  # a dotted key
            name = _known_method(values["method.name"])
    for flag, following in zip_longest(flags, flags[1:]):
        if flag == "--method.name":
            if following is None:
                raise SparseganError(f"--method.name names no method: {', '.join(METHODS)}")
            name = _known_method(following)
        elif flag.startswith("--method.name="):
            name = _known_method(flag.partition("=")[2])
    return name


def _known_method(name: Any) -> str:
    if not isinstance(name, str) or name not in METHODS:
        raise SparseganError(unknown("method", str(name), list(METHODS)))
    return name


def dotted(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of groups within groups, by dotted key, unchecked."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _merge(
    layers: Sequence[Layer], flags: Sequence[str], in_force: Mapping[str, Option]
) -> dict[str, Any]:
    """What all layers set, by dotted key, each checked against the method in force there."""
    merged: dict[str, Any] = {}
    for number, layer in enumerate(layers, start=1):
        known = {option.key: option.type for option in options(method_of(layers[:number]))}
        values = {
            key: fit(key, value, known[key], layer.origin)
            for key, value in _flatten(layer.values, list(known), "", layer.origin)
        }
        _forget_family(merged, [key for key, value in values.items() if value is not None])
        merged |= values
    named = [flag.removeprefix("--").partition("=")[0] for flag in flags]
    _forget_family(merged, [SHORT.get(key, key) for key in named])
    method = {"method.name": in_force["method.name"].default}
    return {key: value for key, value in merged.items() if key in in_force} | method


def _forget_family(flat: dict[str, Any], later: Sequence[str]) -> None:
    """Leave behind what was said of an architecture's network where one's own comes later."""
    for network, settings in _OF_A_FAMILY.items():
        if network in later:
            for key in settings:
                flat.pop(key, None)


def _flatten(
    values: Any, known: Sequence[str], prefix: str, origin: str
) -> Iterator[tuple[str, Any]]:
    if not isinstance(values, Mapping):
        where = f"the group {prefix[:-1]} of {origin}" if prefix else origin
        if values is None:
            raise SparseganError(f"{where} is empty: write its settings below it, or leave it out")
        raise SparseganError(f"{where} holds {shown(values)}: it must hold `key: value` pairs")
    for name, value in values.items():
        key = f"{prefix}{name}"
        if key in known:
            yield key, value
        elif any(other.startswith(key + ".") for other in known):
            yield from _flatten(value, known, key + ".", origin)
        else:
            raise SparseganError(
                (of_another_method(key, known) or unknown("key", key, known)) + f" (in {origin})"
            )


def _build(values: Mapping[str, Any]) -> Config:
    def group(cls: Any, prefix: str) -> Any:
        fields, types_of = {}, typing.get_type_hints(cls)
        for name in (field.name for field in dataclasses.fields(cls)):
            kind = types_of[name]
            if kind is MethodChoice:
                method = values[f"{prefix}{name}.name"]
                own = group(METHODS[method].Settings, f"{prefix}{name}.")
                fields[name] = MethodChoice(method, own)
            elif dataclasses.is_dataclass(kind):
                fields[name] = group(kind, f"{prefix}{name}.")
            else:
                fields[name] = values[prefix + name]
        return cls(**fields)

    config = group(Config, "")
    assert isinstance(config, Config)
    return config


def check(config: Config) -> None:
    """Refuse numbers out of their range.

    Raises:
        SparseganError: For the first such number.
    """
    values = flat(config)
    at_least_one = ["steps", "batch_size", "generator_batch_size", "discriminator_steps"]
    at_least_one += ["accumulate", "log_every", "threads", "checkpoint.every", "checkpoint.keep"]
    at_least_one += ["sample.grid", "fabric.devices", "data.image_size", "network.latent_dim"]
    at_least_one += ["network.generator_width", "network.discriminator_width"]
    at_least_zero = ["evaluate.every", "evaluate.images", "sample.every", "loss.gradient_penalty"]
    at_least_zero += ["loss.r1", "loss.cycle", "loss.identity", "loss.history"]
    for key, value in values.items():
        if isinstance(value, (int, float)):
            largest = LARGEST if isinstance(value, int) else _LARGEST_FLOAT
            most = _MOST.get(key, largest)
            if not -largest <= value <= most:
                bound = f"most {most:,}" if value > 0 else f"least {-largest:,}"
                raise SparseganError(f"{key} is {shown(value)}: it must be at {bound}")
    least = dict.fromkeys(at_least_one, 1) | dict.fromkeys(at_least_zero, 0)
    least["fabric.timeout"] = 5
    for key, smallest in least.items():
        if values[key] is not None and values[key] < smallest:
            raise SparseganError(f"{key} is {values[key]}: it must be at least {smallest}")
    for key in ("optimiser.generator.lr", "optimiser.discriminator.lr"):
        if not values[key] > 0:
            raise SparseganError(f"{key} is {values[key]}: it must be above 0")
    for key in ("optimiser.generator.betas", "optimiser.discriminator.betas"):
        if not all(0 <= beta < 1 for beta in values[key]):
            raise SparseganError(f"{key} is {values[key]}: both numbers must lie in [0, 1)")
    if not 0 <= config.optimiser.decay_from < 1:
        raise SparseganError(
            f"optimiser.decay_from is {config.optimiser.decay_from}: it must lie in [0, 1), "
            "0 being a decay over the whole run"
        )
    if config.evaluate.images == 1:
        raise SparseganError(
            "evaluate.images is 1: an evaluation needs two at least, and a run with 0 is not "
            "evaluated"
        )
    noise, precision = config.loss.r1_noise, config.fabric.precision
    if not noise > 0:
        raise SparseganError(f"loss.r1_noise is {noise}: it must be above 0")
    least_noise = _LEAST_NOISE if precision == "32-true" else _LEAST_ROUNDED_NOISE
    if config.loss.r1 and noise < least_noise:
        raise SparseganError(
            f"loss.r1_noise is {noise} and fabric.precision is {precision}: scores have too few "
            f"digits to tell such noise, take {least_noise} or more"
        )
    if config.data.classes == ():
        raise SparseganError("data.classes is an empty list: name classes, or leave it out for all")
    if len(set(config.augment)) < len(config.augment):
        raise SparseganError(
            f"augment is {', '.join(config.augment)}: name every change once at most"
        )
    if len(set(config.track)) < len(config.track):
        raise SparseganError(f"track is {', '.join(config.track)}: name every tracker once at most")
    evaluate = config.evaluate
    if not all(0 <= share <= 1 for share in evaluate.at):
        raise SparseganError(
            f"evaluate.at is {', '.join(map(str, evaluate.at))}: shares of the run lie in [0, 1]"
        )
    if "kid" not in evaluate.metrics or len(set(evaluate.metrics)) < len(evaluate.metrics):
        raise SparseganError(
            f"evaluate.metrics is {', '.join(evaluate.metrics) or 'empty'}: name each number once, "
            "and kid among them"
        )
    config.method.settings.require_statistics(evaluate.bn, evaluate.weights)
    kinds.of(config.network.name).check(config)


def flat(config: Config) -> dict[str, Any]:
    """Every setting's YAML value by its dotted key, such as `method.name`."""

    def items(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in values.items():
            if isinstance(value, dict):
                yield from items(value, f"{prefix}{key}.")
            else:
                yield prefix + key, value

    return dict(items(to_mapping(config), ""))


def to_mapping(config: Config) -> dict[str, Any]:
    """The configuration as nested dicts of YAML values, the method's settings beside its name."""
    values: dict[str, Any] = dataclasses.asdict(config)
    values["method"] = {"name": config.method.name, **values["method"]["settings"]}
    order = [field.name for field in dataclasses.fields(Config)]
    return {name: _plain(values[name]) for name in order}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def to_yaml(config: Config, notes: Sequence[str] = ()) -> str:
    """The configuration as YAML, which `parse` reads back to an equal one, below notes on it."""
    heading = "".join(f"# {note}\n" for note in notes)
    return heading + yaml.safe_dump(to_mapping(config), sort_keys=False)


def write(path: Path, config: Config, notes: Sequence[str] = ()) -> None:
    """Write the configuration with notes on it, whole or not at all."""
    atomic_write_text(path, to_yaml(config, notes))


def read_layer(path: Path) -> Layer:
    """The settings in a YAML file.

    Raises:
        SparseganError: The file cannot be read as YAML (`yaml_text`), or holds nothing.
    """
    values = yaml_text.read(path)
    if values is None:
        raise SparseganError(f"{path} holds no settings: write `key: value` lines")
    return Layer(str(path), values)


def read(path: Path) -> Config:
    """The configuration in a YAML file, such as a run's config.yaml."""
    return parse([read_layer(path)])
