"""Networks of one's own, made by their class or by a function.

A maker is an object or its name, `my.module:Class` or `path/to/file.py:Class`. It is called with
those of `latent_dim`, `image_size`, `channels`, `width` and `classes` that its signature names and
that are known; any other parameter needs a default. `z_dim` and `nz` are other names for
`latent_dim`. `contract` says what a network has to be and to do.
"""

import hashlib
import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sparsegan import importing
from sparsegan.errors import SparseganError
from sparsegan.nets import contract
from sparsegan.undisturbed import undisturbed

Maker = str | Callable[..., nn.Module]

# Packages whose code is no one's own.
_LIBRARIES = ("torch", "sparsegan")


def generator(
    maker: Maker,
    *,
    image_size: int,
    channels: int,
    width: int | None = None,
    latent_dim: int | None = None,
    classes: int | None = None,
    random_stream: torch.Generator,
) -> nn.Module:
    """A generator of one's own, on the CPU; it takes noise `(N, latent_dim)`.

    Args:
        maker: A class of `nn.Module`, a function that makes one, or the name of either.
        image_size: Height and width of the images, in pixels.
        channels: Channels of the images.
        width: Base number of channels; None is the maker's own.
        latent_dim: Length of a noise vector; None is the network's own.
        classes: Number of classes, for a maker that takes it; None: no labels.
        random_stream: What every random number of the maker follows from.

    Returns:
        The network, with the attributes `latent_dim`, `classes` and `class_names`.

    Raises:
        SparseganError: It cannot be made, or does not keep the `contract`.
    """
    known = {"image_size": image_size, "channels": channels, "width": width, "classes": classes}
    known |= dict.fromkeys(contract.LATENT_DIM, latent_dim)
    with _following(random_stream):
        network = _make(maker, "generator", known)
        contract.adopt_generator(
            network, _name(maker), latent_dim, (channels, image_size, image_size), classes
        )
    return network


def discriminator(
    maker: Maker,
    *,
    image_size: int,
    channels: int,
    width: int | None = None,
    classes: int | None = None,
    steady: bool = False,
    random_stream: torch.Generator,
) -> nn.Module:
    """A discriminator of one's own, on the CPU.

    Args:
        maker: As for `generator`, and so are all others.
        image_size: Height and width of the images, in pixels.
        channels: Channels of the images.
        width: Base number of channels; None is the maker's own.
        classes: Number of classes, for a maker that takes it; None: no labels.
        steady: Refuse one that scores an image differently from one time to the next.
        random_stream: What every random number of the maker follows from.

    Returns:
        The network, with the attribute `classes`.

    Raises:
        SparseganError: It cannot be made, or does not keep the `contract`.
    """
    known = {"image_size": image_size, "channels": channels, "width": width, "classes": classes}
    with _following(random_stream):
        network = _make(maker, "discriminator", known)
        image = (channels, image_size, image_size)
        contract.adopt_discriminator(network, _name(maker), image, classes)
        if steady:
            contract.require_steady(network, _name(maker), image, classes)
    return network


def takes_classes(maker: Maker, role: str) -> bool:
    """Whether a maker, of the `generator` or the `discriminator`, takes a number of classes.

    Raises:
        SparseganError: There is no such maker.
    """
    return "classes" in _parameters(_find(maker, role))


def code(network: nn.Module, maker: Maker, role: str) -> str:
    """12 hexadecimal digits of a SHA-256 over the files of a maker and its network's own classes.

    Raises:
        SparseganError: There is no such maker.
    """
    files = set()
    sources: list[Any] = [_find(maker, role), *map(type, network.modules())]
    for source in sources:
        if source.__module__.partition(".")[0] not in _LIBRARIES:
            with suppress(TypeError, OSError):  # typed in at a prompt
                files.add(Path(inspect.getfile(source)))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _find(maker: Maker, role: str) -> Callable[..., Any]:
    made = importing.load(maker, f"network.{role}") if isinstance(maker, str) else maker
    if isinstance(made, nn.Module):
        raise SparseganError(
            f"{_name(maker)} is a network that is made already: name its class, or a function that "
            "makes it"
        )
    if not callable(made):
        raise SparseganError(
            f"{_name(maker)} is a {type(made).__name__}: name a class of torch.nn.Module, or a "
            "function that makes one"
        )
    return made


def _make(maker: Maker, role: str, known: Mapping[str, int | None]) -> nn.Module:
    make, name = _find(maker, role), _name(maker)
    parameters = _parameters(make)
    arguments = {key: known[key] for key in parameters if known.get(key) is not None}
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in arguments:
            raise SparseganError(f"{name} needs {key}: {_remedy(key, role, known)}")
    try:
        network = make(**arguments)
    except Exception as error:
        called = ", ".join(f"{key}={value}" for key, value in arguments.items())
        raise SparseganError(f"{name}({called}) fails with {importing.described(error)}") from error
    if not isinstance(network, nn.Module):
        raise SparseganError(
            f"{name} makes a {type(network).__name__}: it has to make a torch.nn.Module"
        )
    return network


def _parameters(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What can be named in a call; nothing where that cannot be known."""
    try:
        declared = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: p for p in declared if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def _remedy(parameter: str, role: str, known: Mapping[str, int | None]) -> str:
    if parameter == "width":
        return f"set network.{role}_width"
    if parameter == "classes":
        return "give images that have classes, and let both networks take it"
    if parameter in known:
        return "set network.latent_dim"
    return "give it a default, or name a function without parameters that makes the network"


@contextmanager
def _following(random_stream: torch.Generator) -> Iterator[None]:
    """Global random numbers that follow from a generator; afterwards they go on as before."""
    key = int(torch.randint(2**32, (), generator=random_stream))
    with undisturbed():
        random.seed(key)
        np.random.seed(key)
        torch.default_generator.manual_seed(key)
        yield


def _name(maker: Maker) -> str:
    return maker if isinstance(maker, str) else str(getattr(maker, "__qualname__", maker))
