"""What a checkpoint holds: everything that the next step depends on."""

import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from sparsegan import engine
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import State
from sparsegan.settings import parse
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label
from sparsegan.train.games import Games
from sparsegan.train.launch import gather
from sparsegan.train.networks import code


class ConditionsError(SparseganError):
    """A run cannot go on to the bits of an uninterrupted one, since it was written elsewhere.

    Attributes:
        reason: What differs, without the remedy.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason + remedy)
        self.reason = reason


def capture(games: Games) -> State:
    """The state after a completed step; a collective call, the same on every rank."""
    return {
        "step": games.step,
        "networks": {name: net.state_dict() for name, net in games.networks.items()},
        "optimisers": {name: opt.state_dict() for name, opt in games.optimisers.items()},
        **{game.label("method"): game.method.state_dict() for game in games},
        "precision": games.fabric.strategy.precision.state_dict(),
        "ranks": gather(
            {
                "random": _random_state(games),
                "buffers": _buffers(games),
                **games.own_state(),
            }
        ),
        "conditions": conditions(games),
        "settings": binding_settings(games.config),
    }


def restore(games: Games, state: Mapping[str, Any], *, inexact: bool = False) -> None:
    """Put a captured state into the games built from the same configuration.

    Args:
        games: Freshly built.
        state: From `capture`, by way of a checkpoint; see `require_parts`.
        inexact: Go on where the result may differ from that of an uninterrupted run.

    Raises:
        SparseganError: The state is of another network or method, or was written under other
            conditions and `inexact` is not set.
    """
    if not inexact:
        require_conditions(state["conditions"], conditions(games))
    load_networks(games.networks, state)
    for name, optimiser in games.optimisers.items():
        optimiser.load_state_dict(state["optimisers"][name])
    for game in games:
        game.method.load_state_dict(state[game.label("method")])
    # The loss scale of 16-bit arithmetic; there is none in checkpoints older than it.
    games.fabric.strategy.precision.load_state_dict(state.get("precision", {}))
    if games.fabric.global_rank < len(state["ranks"]):
        mine = state["ranks"][games.fabric.global_rank]
        for name, network in games.networks.items():
            for key, buffer in network.named_buffers():
                buffer.copy_(mine["buffers"][name][key])
        games.load_own_state(mine)
        _set_random_state(mine["random"])


def load_networks(
    networks: Mapping[str, nn.Module],
    state: Mapping[str, Any],
    remedy: str = "name a checkpoint of this run, or restore the run's config.yaml",
) -> None:
    """Put the weights and buffers of a checkpoint into networks of the same kind.

    Args:
        networks: By name.
        state: From the checkpoint.
        remedy: What to do where it is of others, for the message.

    Raises:
        SparseganError: The checkpoint is of other networks.
    """
    require_networks(networks, state, remedy)
    for name, network in networks.items():
        network.load_state_dict(state["networks"][name])


def require_networks(
    networks: Mapping[str, nn.Module], state: Mapping[str, Any], remedy: str
) -> None:
    """Refuse a checkpoint of other networks, which may be of the meta device.

    Raises:
        SparseganError: Naming what differs.
    """
    for name, network in networks.items():
        saved, own = state["networks"].get(name, {}), network.state_dict()
        odd = sorted(saved.keys() ^ own.keys())
        odd += [key for key in own if key in saved and saved[key].shape != own[key].shape]
        if odd:
            raise SparseganError(
                f"the checkpoint is of another {name} ({odd[0]} differs): {remedy}"
            )


def require_parts(state: Mapping[str, Any], games: Iterable[str | None] = (None,)) -> None:
    """Refuse a state that lacks something.

    Args:
        state: From a checkpoint.
        games: Names of the games that it is to be of.

    Raises:
        SparseganError: Naming what is missing.
    """
    games = list(games)
    methods = [label("method", game) for game in games]
    parts = ["networks", "optimisers", *methods, "ranks", "conditions", "settings", "step"]
    parts += ["seconds", "metrics_bytes", "images"]
    missing = [part for part in parts if part not in state]
    for game, method in zip(games, methods, strict=True):
        for name in ("generator", "discriminator"):
            if not missing and "masks" not in state[method].get(name, {}):
                missing = [f"the {label(name, game)}'s masks"]
    if missing:
        raise SparseganError(
            f"the checkpoint lacks {', '.join(missing)}: it is not a sparse run's; "
            "name another one with --checkpoint PATH"
        )


def binding_settings(config: Config) -> dict[str, Any]:
    """The settings by key that a run cannot change on its way.

    The others say where images are (a checkpoint knows their content), where networks of one's own
    are (their code is a condition), where the first weights are from, what to look at and how
    often, what to keep, and what to compute on (see `conditions`).
    """
    free = ("data.", "checkpoint.", "evaluate.", "sample.", "fabric.", "run.", "start.")
    binding = {key: v for key, v in parse.flat(config).items() if not key.startswith(free)}
    for key in ("log_every", "track", "threads", "network.generator", "network.discriminator"):
        del binding[key]
    return binding | {
        "data.flip": config.data.flip,
        "fabric.precision": config.fabric.precision,
    }


def require_settings(saved: Mapping[str, Any], config: Config) -> None:
    """Refuse to go on with another configuration than the run began with.

    Raises:
        SparseganError: Naming the first setting that differs.
    """
    # A setting that is newer than the checkpoint was at its default.
    default = binding_settings(parse.parse([], ["--method.name", config.method.name]))
    for key, value in binding_settings(config).items():
        before = saved.get(key, default[key])
        if before != value:
            raise SparseganError(
                f"the checkpoint was written with {key} {before} and config.yaml has "
                f"{value}: name a checkpoint of this run, or restore config.yaml; a run with "
                "other settings is another run"
            )


def conditions(games: Games) -> dict[str, Any]:
    """What has to be equal for two runs to give the same bits."""
    device = games.fabric.device
    on_gpu = device.type == "cuda"
    return {
        "threads": torch.get_num_threads(),
        "torch version": torch.__version__,
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "native kernels": engine.isa() if engine.available() else "not compiled",
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "number of processes": games.fabric.world_size,
        **code(games.config, games.networks),
    }


def require_conditions(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on where the result would not be that of an uninterrupted run.

    Raises:
        ConditionsError: Naming the first condition that differs.
    """
    for name, value in now.items():
        if saved.get(name) != value:
            raise ConditionsError(
                f"the run was written with {name} {saved.get(name)} and this is {value}",
                ", so it would not end with the same bits: restore that, or go on with --inexact",
            )


def _buffers(games: Games) -> dict[str, dict[str, torch.Tensor]]:
    """Each network's buffers: batch statistics differ between ranks, so every rank saves its."""
    return {
        name: {key: buffer.detach().cpu() for key, buffer in network.named_buffers()}
        for name, network in games.networks.items()
    }


def _random_state(games: Games) -> State:
    _, keys, position, has_gauss, cached = np.random.get_state()
    state: State = {
        "torch": torch.get_rng_state(),
        "numpy": [torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, cached],
        "python": random.getstate(),
    }
    if games.fabric.device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(games.fabric.device)
    return state


def _set_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached))
    random.setstate(state["python"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
