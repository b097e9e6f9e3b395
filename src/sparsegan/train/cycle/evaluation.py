"""The evaluation of a cycle's generators while they are trained: sample grids and distances."""

from contextlib import ExitStack

from torch import nn

from sparsegan.data import Images
from sparsegan.draw import pictures, sampling
from sparsegan.record import events
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import DIRECTIONS
from sparsegan.train.cycle import unpaired
from sparsegan.train.cycle.translation import evaluators, spread, triples
from sparsegan.train.cycle.unpaired import Unpaired
from sparsegan.train.evaluation import at_interval, last_training
from sparsegan.train.games import Games


class CycleEvaluation:
    """Draws and evaluates translations of test images; that changes nothing in the run, to the bit.

    Without test images, every second training image is translated and compared with the others
    (see `unpaired.held_out`).

    Args:
        config: Resolved settings.
        images: The training images.

    Raises:
        SparseganError: The evaluations that the settings ask for are not possible.
    """

    def __init__(self, config: Config, images: Unpaired) -> None:
        self.config, self._images = config, images
        known, self._held_out = unpaired.held_out(config, images)
        wanted = config.evaluate.images
        self._evaluators = evaluators(config, known, self._held_out) if wanted else {}

    @property
    def splits(self) -> dict[str, Images]:
        """The images to learn from."""
        return {"trainA": self._images.a, "trainB": self._images.b}

    def __call__(self, run: RunDirectory, games: Games, step: int) -> list[events.Evaluation]:
        """Draw grids and evaluate where due; the evaluation of each game."""
        config, settings = self.config, self.config.evaluate
        with_grids = at_interval(config.sample.every, step, config.steps)
        begun = last_training(config)
        is_due = at_interval(settings.every, step, config.steps, settings.at, begun)
        judges = self._evaluators if is_due else {}
        evaluated: list[events.Evaluation] = []
        if not with_grids and not judges:
            return evaluated
        with ExitStack() as stack:
            generators = [
                stack.enter_context(
                    sampling.sampled(
                        game.method, bn=settings.bn, weights=settings.weights, seed=config.seed
                    )
                )
                for game in games
            ]
            for source, game in enumerate(games):
                there, back = generators[source], generators[1 - source]
                grid = self._draw(run, there, back, source, step) if with_grids else None
                if game.name in judges:
                    weights = settings.weights if game.method.ema is not None else "live"
                    evaluation = events.Evaluation(
                        step=step,
                        game=game.name,
                        **judges[game.name](there),
                        bn=settings.bn,
                        weights=weights,
                        grid=grid,
                    )
                    evaluated.append(evaluation)
        return evaluated

    def _draw(
        self, run: RunDirectory, there: nn.Module, back: nn.Module, source: int, step: int
    ) -> str:
        """Rows of image, translation, and that translated back; several such side by side."""
        rows = self.config.sample.grid
        across = max(1, rows // 3)
        pixels = triples(there, back, spread(self._held_out.sides[source], rows * across))
        path = run.sample(step, DIRECTIONS[source])
        pictures.save_png(path, pictures.grid(pixels, 3 * across))
        return str(path.relative_to(run.path))
