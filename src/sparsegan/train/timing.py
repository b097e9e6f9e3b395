"""Seconds per step of a run beside those of its dense equal, measured in turns."""

import itertools
import time
from dataclasses import dataclass, replace
from statistics import median

import torch

from sparsegan.methods import METHODS
from sparsegan.train.batches import Batches
from sparsegan.train.config import MethodChoice
from sparsegan.train.game import Game
from sparsegan.train.launch import reduced


@dataclass(frozen=True)
class StepSeconds:
    """Medians over as many steps of each, in turns, in one process.

    Attributes:
        sparse: Seconds of a step (all discriminator steps and the generator's): the mean of one as
            the run began and one as it is now, since a discriminator's density may have moved.
        dense: The same with both networks dense.
        steps: Measured steps of each.
    """

    sparse: float
    dense: float
    steps: int


def compare(game: Game, batches: Batches, *, seconds: float) -> StepSeconds:
    """Time the run's networks as they began and as they are, and dense ones, on copies.

    A collective call: every rank takes part.

    Args:
        game: The run; it is not touched.
        batches: The run's batches.
        seconds: Stop after about so long, but not before three steps of each.
    """
    device = game.fabric.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        return _compare((_begun(game), _copy(game), _dense(game)), batches, seconds)


def _compare(games: tuple[Game, Game, Game], batches: Batches, seconds: float) -> StepSeconds:
    for each in games:
        _step_seconds(each, batches, 1)  # warm-up: allocations, first-use choices of kernels
    times: tuple[list[float], ...] = [], [], []
    begin = time.perf_counter()
    for number in itertools.count(2):
        for each, measured in zip(games, times, strict=True):
            measured.append(_step_seconds(each, batches, number))
        if number >= 4 and reduced(games[0].fabric, time.perf_counter() - begin, "max") > seconds:
            break
    begun, ended, dense = map(median, times)
    return StepSeconds((begun + ended) / 2, dense, len(times[0]))


def _dense(game: Game) -> Game:
    dense = MethodChoice("dense", METHODS["dense"].Settings())
    return Game(replace(game.config, method=dense, engine="auto"), game.fabric)


def _begun(game: Game) -> Game:
    begun = Game(game.config, game.fabric)
    for name, network in begun.method.networks.items():
        network.engine.load_state_dict(game.method.networks[name].engine.state_dict())
    return begun


def _copy(game: Game) -> Game:
    copy = Game(game.config, game.fabric)
    for name, network in copy.networks.items():
        network.load_state_dict(game.networks[name].state_dict())
    copy.method.load_state_dict(game.method.state_dict())
    return copy


def _step_seconds(game: Game, batches: Batches, step: int) -> float:
    config = game.config
    inputs = [
        (batches.real(step, k), batches.latents(step, k), batches.mix(step, k))
        for k in range(config.discriminator_steps)
    ]
    latents = batches.generator_latents(step)
    begin = _now(game)
    for real, fakes, mix in inputs:
        game.discriminator_step(step, real, fakes, mix)
    game.generator_step(step, latents)
    return _now(game) - begin


def _now(game: Game) -> float:
    if game.fabric.device.type == "cuda":
        torch.cuda.synchronize(game.fabric.device)
    return time.perf_counter()
