"""Seconds per step of a run beside those of its dense equal, measured in turns."""

import itertools
import time
from dataclasses import dataclass, replace
from statistics import median

import torch

from sparsegan.methods import METHODS
from sparsegan.settings.config import MethodChoice
from sparsegan.train import kinds
from sparsegan.train.kinds import AnyBatches
from sparsegan.train.launch import reduced
from sparsegan.train.match import Match


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


def compare(match: Match, batches: AnyBatches, *, seconds: float) -> StepSeconds:
    """Time the run's networks as they began and as they are, and dense ones, on copies.

    A collective call: every rank takes part.

    Args:
        match: The run; it is not touched.
        batches: The run's batches.
        seconds: Stop after about so long, but not before three steps of each.
    """
    device = match.fabric.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        return _compare((_begun(match), _copy(match), _dense(match)), batches, seconds)


def _compare(
    matches: tuple[Match, Match, Match], batches: AnyBatches, seconds: float
) -> StepSeconds:
    for each in matches:
        _step_seconds(each, batches, 1)  # warm-up: allocations, first-use choices of kernels
    times: tuple[list[float], ...] = [], [], []
    begin = time.perf_counter()
    for number in itertools.count(2):
        for each, measured in zip(matches, times, strict=True):
            measured.append(_step_seconds(each, batches, number))
        if number >= 4 and reduced(matches[0].fabric, time.perf_counter() - begin, "max") > seconds:
            break
    begun, ended, dense = map(median, times)
    return StepSeconds((begun + ended) / 2, dense, len(times[0]))


def _dense(match: Match) -> Match:
    dense = MethodChoice("dense", METHODS["dense"].Settings())
    dense_match = kinds.match(replace(match.config, method=dense, engine="auto"), match.fabric)
    _take_tables(dense_match, match)
    return dense_match


def _begun(match: Match) -> Match:
    begun = kinds.match(match.config, match.fabric)
    _take_tables(begun, match)
    return begun


def _take_tables(copy: Match, match: Match) -> None:
    """What the run has measured of its networks holds for copies of them."""
    for pair, method in copy.methods.items():
        for name, network in method.networks.items():
            own = match.methods[pair].networks[name]
            if own.engine.timing is not None:
                network.engine.load_state_dict(own.engine.state_dict())


def _copy(match: Match) -> Match:
    copy = kinds.match(match.config, match.fabric)
    for name, network in copy.networks.items():
        network.load_state_dict(match.networks[name].state_dict())
    for pair, method in copy.methods.items():
        method.load_state_dict(match.methods[pair].state_dict())
    return copy


def _step_seconds(match: Match, batches: AnyBatches, step: int) -> float:
    config = match.config
    inputs = [
        (batches.real(step, k), batches.latents(step, k), batches.mix(step, k))
        for k in range(config.discriminator_steps)
    ]
    latents = batches.generator_latents(step)
    begin = _now(match)
    for real, fakes, mix in inputs:
        match.discriminator_step(step, real, fakes, mix)
    match.generator_step(step, latents)
    return _now(match) - begin


def _now(match: Match) -> float:
    if match.fabric.device.type == "cuda":
        torch.cuda.synchronize(match.fabric.device)
    return time.perf_counter()
