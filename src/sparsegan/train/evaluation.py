"""The evaluation of a run's generator while it is trained: sample grids and distances, when due."""

from collections.abc import Sequence

from torch import nn

from sparsegan.data import Images
from sparsegan.draw import drawing, sampling
from sparsegan.methods.settings import Settings as MethodSettings
from sparsegan.record import events
from sparsegan.record.primary import step_at
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.games import Games
from sparsegan.train.neighbours import Neighbours

COMPARED = 32
"""Samples that are shown beside their nearest training images."""


class Evaluation:
    """Draws samples and evaluates them; that changes nothing in the run, to the bit.

    Every grid of a run shows the same noise, so that one can follow an image through training.

    Args:
        config: Resolved settings.
        images: The training images.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """

    def __init__(self, config: Config, images: Images) -> None:
        self.config, self._images = config, images
        self._evaluator = Evaluator(config, images) if config.evaluate.images else None

    @property
    def splits(self) -> dict[str, Images]:
        """The images that were read: to learn from, and to judge by where there are such."""
        held_out = {} if self._evaluator is None else {"test": self._evaluator.held_out}
        return {"train": self._images, **held_out}

    def __call__(self, run: RunDirectory, games: Games, step: int) -> list[events.Evaluation]:
        """Draw a grid and evaluate where due; the evaluation of each game."""
        (game,) = games
        config, settings = self.config, self.config.evaluate
        with_grid = at_interval(config.sample.every, step, config.steps)
        evaluator = (
            self._evaluator
            if at_interval(settings.every, step, config.steps, settings.at, last_training(config))
            else None
        )
        if not with_grid and evaluator is None:
            return []
        with sampling.sampled(
            game.method, bn=settings.bn, weights=settings.weights, seed=config.seed
        ) as generator:
            grid = self._draw(run, generator, step) if with_grid else None
            distances = evaluator(generator) if evaluator is not None else None
            if evaluator is not None and evaluator.neighbours is not None and config.sample.nearest:
                self._draw_neighbours(run, generator, evaluator.neighbours, step)
        if distances is None:
            return []
        weights = settings.weights if game.method.ema is not None else "live"
        return [
            events.Evaluation(
                step=step, game=game.name, **distances, bn=settings.bn, weights=weights, grid=grid
            )
        ]

    def _draw(self, run: RunDirectory, generator: nn.Module, step: int) -> str:
        side = self.config.sample.grid
        path = run.sample(step)
        drawing.save_grid(generator, path, side * side, columns=side, seed=self.config.seed)
        return str(path.relative_to(run.path))

    def _draw_neighbours(
        self, run: RunDirectory, generator: nn.Module, neighbours: Neighbours, step: int
    ) -> None:
        """Samples beside their nearest training images, in the place of earlier ones."""
        count = min(self.config.sample.grid**2, COMPARED)
        drawn = sampling.draw_images(generator, count, seed=self.config.seed)
        neighbours.save(run.neighbours(step), drawn)
        for path in run.nearest.glob("step-*.png"):
            if path != run.neighbours(step):
                path.unlink(missing_ok=True)


def last_training(config: Config) -> int:
    """The generator step after which the run's last training begins."""
    settings: MethodSettings = config.method.settings
    return settings.last_training(config.steps)


def at_interval(
    every: int, step: int, steps: int, at: Sequence[float] = (), begun: int = 0
) -> bool:
    """Whether it is time after a step.

    That is at the beginning, at the end, every so many steps, and at the end of each share in `at`
    of the training that begins after `begun` steps.
    """
    if step in (0, steps) or (every > 0 and step % every == 0):
        return True
    return any(step == step_at(share, steps, begun) for share in at)


def evaluations(config: Config, done: int = 0) -> int:
    """How many evaluations may be to come in a run that has done so many steps, that step's too."""
    if not config.evaluate.images:
        return 0
    settings, steps, begun = config.evaluate, config.steps, last_training(config)
    return sum(
        at_interval(settings.every, step, steps, settings.at, begun)
        for step in range(done, steps + 1)
    )
