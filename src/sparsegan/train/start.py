"""A run that begins with the weights, masks and averages of another (`--from RUN`).

Optimisers, schedules, controller, balance window and random states are new; images may be others.
A mask that fits the settings is taken as it is. Otherwise every layer has as many active weights as
a freshly drawn mask would have, of the largest magnitudes: a dense network becomes sparse so, and
what is lost by it is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.methods import METHODS, Method
from sparsegan.methods.density_control import DensityControl
from sparsegan.record.checkpoint import State, content_digest
from sparsegan.record.run import open_run
from sparsegan.settings import kinds
from sparsegan.settings.config import Config, StartConfig
from sparsegan.settings.parse import Layer, read_layer
from sparsegan.sparsity import Masks, inherit
from sparsegan.train import state
from sparsegan.train.game import Game
from sparsegan.train.games import Games

_CONTROLLED = [cls.__name__ for cls in METHODS.values() if issubclass(cls, DensityControl)]
_OF_THE_DATA = ("source", "path", "held_out", "skip_broken", "classes")


def settings_of(run: Path, flags: Sequence[str]) -> Layer:
    """The settings of a run as those of a new one that begins with its weights.

    Args:
        run: The run's directory.
        flags: Settings of the command line: where they name other images, the run's are left out.
    """
    layer = read_layer(open_run(run).config)
    values = {key: value for key, value in layer.values.items() if key not in ("run", "start")}
    data = values.get("data")
    if isinstance(data, Mapping) and any(
        flag.partition("=")[0] in ("--data.path", "--data.source") for flag in flags
    ):
        values["data"] = {key: value for key, value in data.items() if key not in _OF_THE_DATA}
    return Layer(layer.origin, values)


def read(config: Config, networks: Mapping[str, nn.Module]) -> tuple[StartConfig, State]:
    """The state to begin with, and what names it for good.

    Args:
        config: With `start.run`.
        networks: The new run's, by their labels; of the meta device or not.

    Raises:
        SparseganError: There is no such checkpoint, or it is another one than config says, or of
            other networks.
    """
    settings = config.start
    assert settings.run is not None, "the configuration begins with fresh weights"
    run = open_run(expanded(settings.run))
    path = run.find_checkpoint(settings.checkpoint)
    saved = run.load(path)
    digest = content_digest(path)
    if settings.sha256 not in (None, digest):
        raise SparseganError(
            f"{path} is not the checkpoint that start.sha256 names: restore it, or leave "
            "start.sha256 out to begin with what it is now"
        )
    state.require_networks(
        networks,
        saved,
        f"a run that begins with the weights of {run.path} has its networks, so leave out what "
        "changes them (widths, latent_dim, image_size, classes)",
    )
    state.require_parts(saved, kinds.of(config.network.name).game_names)
    step = str(saved["step"]) if path == run.checkpoint(saved["step"]) else str(path.resolve())
    return StartConfig(str(run.path.resolve()), step, digest), saved


def begin(config: Config, games: Games) -> tuple[Config, list[str]]:
    """Put the state to begin with into the games of a new run.

    Args:
        config: Resolved.
        games: Freshly built from it.

    Returns:
        The configuration that names the checkpoint for good, and sentences on what was taken over.

    Raises:
        SparseganError: As `read`.
    """
    if config.start.run is None:
        return config, []
    settings, saved = read(config, games.networks)
    state.load_networks(games.networks, saved)
    sentences = [f"begins with the weights of {settings.run}, step {saved['step']}"]
    for game in games:
        sentences += _masks(game, saved[game.label("method")])
    return replace(config, start=settings), sentences


def _masks(game: Game, saved: Mapping[str, Any]) -> Iterator[str]:
    method = game.method
    for name, network in method.networks.items():
        masks, old = network.masks, saved[name]["masks"]
        trained, mask = inherit.trained(masks, old), inherit.same(masks, old)
        if mask is not None and _fits(method, name, mask, old["budget"], saved["method"]):
            masks.restart(mask, int(old["budget"]))
            continue
        after = inherit.strongest(masks, trained, masks.weights(), method.random)
        masks.restart(after, masks.budget)
        yield from _sentences(game.label(name), trained, after)
    if method.ema is not None:
        averages = saved["ema"]
        method.ema.restart(None if averages is None else averages["averages"])


def _sentences(network: str, trained: Tensor, after: Tensor) -> Iterator[str]:
    kept, lost, grown = (
        int(x.sum()) for x in (trained & after, trained & ~after, after & ~trained)
    )
    if lost:
        yield (
            f"of the {kept + lost:,} trained weights of the {network} the {kept:,} largest, layer "
            f"by layer, are kept by its mask and {lost:,} are set to zero"
        )
    if grown:
        yield f"{grown:,} weights in the mask of the {network} were not trained and begin at zero"


def _fits(method: Method, name: str, mask: Tensor, budget: int, before: str) -> bool:
    """Whether a mask is what the settings ask for, or what their controller may have led to."""
    masks = method.networks[name].masks
    if method.settings.pinned_densities(name, masks.names) and not _alike(masks, mask):
        return False
    if (
        name == "discriminator"
        and isinstance(method, DensityControl)
        and (method.settings.lever == "density")
    ):
        density, controller = int(mask.sum()) / masks.total, method.controller
        sparse = density < 1 or before in _CONTROLLED  # else it is dense since nobody has asked
        return sparse and controller.floor <= density <= controller.cap
    return bool(budget == masks.budget)


def _alike(masks: Masks, mask: Tensor) -> bool:
    """Whether every layer has as many active weights in a mask as was drawn."""
    return [int(part.sum()) for part in masks.split(mask)] == list(masks.counts().values())
