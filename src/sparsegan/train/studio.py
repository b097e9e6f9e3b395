"""Looking at a run's generator: sample grids and evaluations, when they are due."""

from typing import Any

from torch import nn

from sparsegan.data import Images
from sparsegan.methods import Method
from sparsegan.train import drawing, sampling
from sparsegan.train.config import Config
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.run import RunDirectory


class Studio:
    """Draws and evaluates; looking changes nothing, to the bit.

    Every grid of a run shows the same noise, so that one can follow an image through training.

    Args:
        config: Resolved settings.
        images: The training images.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """

    def __init__(self, config: Config, images: Images) -> None:
        self.config = config
        self._evaluator = Evaluator(config, images) if config.evaluate.images else None

    def look(self, run: RunDirectory, method: Method, step: int) -> dict[str, Any] | None:
        """Draw a grid and evaluate where due; returns an `evaluate` event's fields, or None."""
        chosen = self.config.evaluate
        draws = self._due(self.config.sample.every, step)
        evaluator = self._evaluator if self._due(chosen.every, step) else None
        if not draws and evaluator is None:
            return None
        with sampling.sampled(
            method, bn=chosen.bn, weights=chosen.weights, seed=self.config.seed
        ) as generator:
            grid = self._draw(run, generator, step) if draws else None
            found = evaluator(generator) if evaluator is not None else None
        if found is None:
            return None
        weights = chosen.weights if method.ema is not None else "live"
        return {**found, "bn": chosen.bn, "weights": weights, "grid": grid}

    def _draw(self, run: RunDirectory, generator: nn.Module, step: int) -> str:
        side = self.config.sample.grid
        path = run.sample(step)
        drawing.save_grid(generator, path, side * side, columns=side, seed=self.config.seed)
        return str(path.relative_to(run.path))

    def _due(self, every: int, step: int) -> bool:
        return step in (0, self.config.steps) or (every > 0 and step % every == 0)
