"""Looking at a run's generator: sample grids and evaluations, when they are due."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from sparsegan.data import Images
from sparsegan.draw import drawing, sampling
from sparsegan.methods import Method
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config
from sparsegan.train.evaluate import Evaluator


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

    @property
    def held_out(self) -> Images | None:
        """The images that generated ones are judged beside; None where they are not judged."""
        return None if self._evaluator is None else self._evaluator.held_out

    def look(
        self, run: RunDirectory, methods: Mapping[str, Method], step: int
    ) -> dict[str, dict[str, Any]]:
        """Draw a grid and evaluate where due; the fields of an `evaluate` event, by pair."""
        ((pair, method),) = methods.items()
        chosen, config = self.config.evaluate, self.config
        draws = due(config.sample.every, step, config.steps)
        evaluator = self._evaluator if due(chosen.every, step, config.steps) else None
        if not draws and evaluator is None:
            return {}
        with sampling.sampled(
            method, bn=chosen.bn, weights=chosen.weights, seed=self.config.seed
        ) as generator:
            grid = self._draw(run, generator, step) if draws else None
            found = evaluator(generator) if evaluator is not None else None
        if found is None:
            return {}
        weights = chosen.weights if method.ema is not None else "live"
        return {pair: {**found, "bn": chosen.bn, "weights": weights, "grid": grid}}

    def _draw(self, run: RunDirectory, generator: nn.Module, step: int) -> str:
        side = self.config.sample.grid
        path = run.sample(step)
        drawing.save_grid(generator, path, side * side, columns=side, seed=self.config.seed)
        return str(path.relative_to(run.path))


def due(every: int, step: int, steps: int) -> bool:
    """Whether to look after a step: at the beginning, at the end, and every so many steps."""
    return step in (0, steps) or (every > 0 and step % every == 0)
