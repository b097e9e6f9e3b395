"""How long a run is going to take on this machine, by a few of its steps."""

import math
import time
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import nn

from sparsegan.draw import sampling
from sparsegan.errors import SparseganError, printable
from sparsegan.settings.config import Config
from sparsegan.train import kinds, memory, opening
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.evaluation import evaluations
from sparsegan.train.games import Games
from sparsegan.train.launch import launch
from sparsegan.train.timing import step_seconds

AGAIN = 5.0
"""An evaluation that took less the first time is timed a second time."""
FEW_TO_TIME = 200
"""Images of an evaluation that stands for a larger one."""
LEAST = 3
"""Steps that are timed at least, after one to warm up."""
AT_ONCE = 4
"""So many times the patience make the first step the measure."""
SLOW = 5.0
"""Seconds of a step after which a run is not worth more of them to be told how long it takes."""


@dataclass(frozen=True)
class Pilot:
    """What was timed.

    Attributes:
        step: Seconds of a step: all discriminator steps and the generator's.
        evaluation: Seconds of an evaluation; 0 where there is none, or where it was not timed.
        drawn: Images that an evaluation of these data draws at most, of one game; 0 where none
            was timed.
    """

    step: float
    evaluation: float
    drawn: int = 0

    def seconds(self, steps: int, evaluations: int) -> float:
        """So many steps and evaluations, in seconds."""
        return steps * self.step + evaluations * self.evaluation


class Pilots:
    """Times runs, each alone in this process; evaluations that are alike are timed once.

    Args:
        seconds: For the steps of each, where there is time for `LEAST`.
        patience: Seconds; where the step that warms up took longer, the next one is the measure
            (from `AT_ONCE` times that on itself), and no evaluation is timed if that took longer.
    """

    def __init__(self, seconds: float = 1.0, patience: float = math.inf) -> None:
        self.seconds, self.patience = seconds, patience
        self._evaluations: dict[object, tuple[float, int]] = {}

    def of(self, config: Config) -> Pilot:
        """Time a run to come; its networks are built, and nothing is written.

        Raises:
            SparseganError: As `train` would for the same configuration.
        """
        threads = torch.get_num_threads()
        alone = replace(config, fabric=replace(config.fabric, devices=1))
        kind = kinds.of(alone)
        images = kind.load_images(alone)
        alone = kind.resolve(alone, images)
        memory.require(alone)
        torch.set_num_threads(alone.threads or threads)
        try:
            fabric = launch(alone)
            # A process has its share of a batch.
            batches = kind.batches(images, alone, 0, config.fabric.devices, fabric.device)
            with memory.enough(), torch.random.fork_rng():
                games = kind.games(alone, fabric)
                games.choose_kernels(batches.generator_latents(1), batches.real(1, 0))
                step = self._step(games, batches)
                if step > self.patience:
                    return Pilot(step, 0.0)
                return Pilot(step, *self._evaluation(games, alone, images))
        finally:
            torch.set_num_threads(threads)

    def _step(self, games: Games, batches: kinds.AnyBatches) -> float:
        first = step_seconds(games, batches, 1)
        if first > self.patience:
            # Some of it may have been first uses, which a second step does not have.
            return step_seconds(games, batches, 2) if first < AT_ONCE * self.patience else first
        begin, times = time.perf_counter(), list[float]()
        while len(times) < LEAST or time.perf_counter() - begin < self.seconds:
            times.append(step_seconds(games, batches, 2 + len(times)))
        return median(times)

    def _evaluation(
        self, games: Games, config: Config, images: kinds.AnyImages
    ) -> tuple[float, int]:
        """Seconds, and the images that one draws at most."""
        if not config.evaluate.images:
            return 0.0, 0
        alike = (config.data, config.evaluate, config.threads, config.network.name)
        if alike not in self._evaluations:
            settings, total, most = config.evaluate, 0.0, 0
            for name, evaluator in kinds.of(config).evaluators(config, images).items():
                method = games[name].method
                with sampling.sampled(
                    method, bn=settings.bn, weights=settings.weights, seed=config.seed
                ) as generator:
                    first = _seconds(evaluator, generator)
                    # Real features are computed the first time, and kept.
                    again = first < AGAIN
                    total += _seconds(evaluator, generator) if again else first
                most = max(most, evaluator.most)
            self._evaluations[alike] = total, most
        return self._evaluations[alike]


def _seconds(evaluator: Evaluator, generator: nn.Module) -> float:
    begin = time.perf_counter()
    evaluator(generator)
    return time.perf_counter() - begin


def takes(config: Config) -> str:
    """How long a run to come takes, in a line, by a few steps and a small evaluation.

    Where that cannot be tried, as of a run that diverges at once, the line says why.
    """
    images = config.evaluate.images
    small = min(images, FEW_TO_TIME)
    tried = replace(config, evaluate=replace(config.evaluate, images=small))
    try:
        pilot = Pilots(0.5, patience=SLOW).of(tried)
    except SparseganError as error:
        return printable(
            f"time      not known, since a trial failed: {' '.join(str(error).split())}"
        )
    number, longer = evaluations(config), opening.unless(config)
    if pilot.step > SLOW:
        untimed = ", which are not counted" if number else ""
        return opening.takes(pilot.step, config.steps, number) + untimed + longer
    drawn, tried_with = (min(count, pilot.drawn) for count in (images, small))
    evaluation = pilot.evaluation * drawn / tried_with if images else 0.0
    return opening.takes(pilot.step, config.steps, number, evaluation) + longer
