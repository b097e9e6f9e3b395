"""Looking at a cycle's generators: sample grids and evaluations of both directions, when due."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from torch import nn

from sparsegan.draw import pictures, sampling
from sparsegan.methods import Method
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config
from sparsegan.train.build import CYCLE
from sparsegan.train.cycle import unpaired
from sparsegan.train.cycle.translation import evaluators, spread, triples
from sparsegan.train.cycle.unpaired import Unpaired
from sparsegan.train.studio import due


class CycleStudio:
    """Draws and evaluates translations of test images; looking changes nothing, to the bit.

    Without test images, every second training image is translated and compared with the others
    (see `unpaired.held_out`).

    Args:
        config: Resolved settings.
        images: The training images.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """

    def __init__(self, config: Config, images: Unpaired) -> None:
        self.config = config
        known, self._held_out = unpaired.held_out(config, images)
        wanted = config.evaluate.images
        self._evaluators = evaluators(config, known, self._held_out) if wanted else {}

    def look(
        self, run: RunDirectory, methods: Mapping[str, Method], step: int
    ) -> dict[str, dict[str, Any]]:
        """Draw grids and evaluate where due; the fields of an `evaluate` event for each pair."""
        chosen, config = self.config.evaluate, self.config
        draws = due(config.sample.every, step, config.steps)
        judges = self._evaluators if due(chosen.every, step, config.steps) else {}
        found: dict[str, dict[str, Any]] = {}
        if not draws and not judges:
            return found
        with ExitStack() as stack:
            generators = [
                stack.enter_context(
                    sampling.sampled(
                        methods[pair], bn=chosen.bn, weights=chosen.weights, seed=config.seed
                    )
                )
                for pair in CYCLE
            ]
            for source, pair in enumerate(CYCLE):
                there, back = generators[source], generators[1 - source]
                grid = self._draw(run, there, back, source, step) if draws else None
                if pair in judges:
                    weights = chosen.weights if methods[pair].ema is not None else "live"
                    told = {"bn": chosen.bn, "weights": weights, "grid": grid}
                    found[pair] = judges[pair](there) | told
        return found

    def _draw(
        self, run: RunDirectory, there: nn.Module, back: nn.Module, source: int, step: int
    ) -> str:
        """Rows of image, translation, and that translated back; several such side by side."""
        rows = self.config.sample.grid
        across = max(1, rows // 3)
        pixels = triples(there, back, spread(self._held_out.sides[source], rows * across))
        path = run.sample(step, CYCLE[source])
        pictures.save_png(path, pictures.grid(pixels, 3 * across))
        return str(path.relative_to(run.path))
