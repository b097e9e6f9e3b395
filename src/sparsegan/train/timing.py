"""Seconds per step of a run beside those of its dense equal, measured in turns."""

import itertools
import time
from dataclasses import replace
from statistics import median

import torch

from sparsegan.methods import METHODS
from sparsegan.record.run_cost import StepSeconds
from sparsegan.settings.config import MethodChoice
from sparsegan.train import kinds
from sparsegan.train.games import Games
from sparsegan.train.kinds import AnyBatches
from sparsegan.train.launch import reduced


def compare(games: Games, batches: AnyBatches, *, seconds: float) -> StepSeconds:
    """Time the run's networks as they began and as they are, and dense ones, on copies.

    A collective call: every rank takes part.

    Args:
        games: The run's; it is not touched.
        batches: The run's batches.
        seconds: Stop after about so long, but not before three steps of each.
    """
    device = games.fabric.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        return _compare((_begun(games), _copy(games), _dense(games)), batches, seconds)


def _compare(
    compared: tuple[Games, Games, Games], batches: AnyBatches, seconds: float
) -> StepSeconds:
    for each in compared:
        step_seconds(each, batches, 1)  # warm-up: allocations, first-use choices of kernels
    times: tuple[list[float], ...] = [], [], []
    begin = time.perf_counter()
    for number in itertools.count(2):
        for each, measured in zip(compared, times, strict=True):
            measured.append(step_seconds(each, batches, number))
        if (
            number >= 4
            and reduced(compared[0].fabric, time.perf_counter() - begin, "max") > seconds
        ):
            break
    begun, ended, dense = map(median, times)
    return StepSeconds((begun + ended) / 2, dense, len(times[0]))


def _dense(games: Games) -> Games:
    dense = MethodChoice("dense", METHODS["dense"].Settings())
    config = replace(games.config, method=dense, engine="auto")
    dense_games = kinds.of(config).games(config, games.fabric)
    _take_tables(dense_games, games)
    return dense_games


def _begun(games: Games) -> Games:
    begun = kinds.of(games.config).games(games.config, games.fabric)
    _take_tables(begun, games)
    return begun


def _take_tables(copy: Games, games: Games) -> None:
    """What the run has measured of its networks holds for copies of them."""
    for copied, game in zip(copy, games, strict=True):
        for name, network in copied.method.networks.items():
            own = game.method.networks[name]
            if own.engine.timing is not None:
                network.engine.load_state_dict(own.engine.state_dict())


def _copy(games: Games) -> Games:
    copy = kinds.of(games.config).games(games.config, games.fabric)
    for name, network in copy.networks.items():
        network.load_state_dict(games.networks[name].state_dict())
    for copied, game in zip(copy, games, strict=True):
        copied.method.load_state_dict(game.method.state_dict())
    return copy


def step_seconds(games: Games, batches: AnyBatches, step: int) -> float:
    """Seconds of a step of training, which is taken."""
    inputs = [
        (batches.real(step, k), batches.latents(step, k), batches.random_numbers(step, k))
        for k in range(games.discriminator_steps)
    ]
    latents = batches.generator_latents(step)
    begin = _now(games)
    for k, (real, fakes, numbers) in enumerate(inputs):
        games.discriminator_step(step, real, fakes, numbers, k=k)
    games.generator_step(step, latents)
    return _now(games) - begin


def _now(games: Games) -> float:
    if games.fabric.device.type == "cuda":
        torch.cuda.synchronize(games.fabric.device)
    return time.perf_counter()
