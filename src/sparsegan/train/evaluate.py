"""How far generated images are from real ones, beside how far real ones are from each other."""

import logging
import math
import time
from typing import Any

from torch import Tensor, nn

from sparsegan import metrics
from sparsegan.data import Images
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.health.verdict import FEW
from sparsegan.record.events import Evaluation
from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.beside import Beside
from sparsegan.train.neighbours import Neighbours
from sparsegan.words import counted, estimate

log = logging.getLogger("sparsegan")

# Training images that samples are compared with one by one.
MOST_COMPARED = 5000

GENERATED_TO_REAL = 10
"""Generated images of an evaluation beside each real one, at most: what is left to chance in a
distance is by then nearly all of the real ones, which are the same in every evaluation."""


class Evaluator:
    """How a generator's images compare with the real ones, in the numbers of `evaluate.metrics`.

    Real features, the classifier and the floors are computed at the first evaluation and kept; what
    cannot work is refused at once. A floor compares the training images with held-out ones, so
    that a perfect generator would reach it; where there are fewer of these, numbers that depend on
    how many there are have none.

    Where there are fewer real images than an evaluation is to be of, a kernel distance, diversity
    and the share of copies are of more generated ones, since chance moves those of a hundred by
    several percent from one evaluation to the next; other numbers take as many as there are real
    ones.

    Args:
        config: Resolved settings.
        images: The training images.
        held_out: Others; None: those of the data source.
        at_most: How many images there can be on a side of a comparison; None: any number.

    Attributes:
        count: Real images: `evaluate.images`, or as many as there are.
        most: Generated ones, however many `evaluate.images` asks for.
        generated: Generated ones, as many as real ones or more.
        neighbours: The training images by their features, from the first evaluation on, where they
            are few enough to be compared with one by one.

    Raises:
        SparseganError: There is no such feature network, a package or labels are missing that a
            metric needs, or there are not images enough on either side.
    """

    def __init__(
        self,
        config: Config,
        images: Images,
        held_out: Images | None = None,
        at_most: int | None = None,
    ) -> None:
        self.config, self.images = config, images
        self.held_out = build.load_images(config, "test") if held_out is None else held_out
        comparable = len(images) if at_most is None else min(len(images), at_most)
        self.count = min(config.evaluate.images, comparable)
        self.most = GENERATED_TO_REAL * comparable if at_most is None else comparable
        self.generated = min(config.evaluate.images, self.most)
        # A kernel distance is unbiased, so that its floor may be of fewer.
        self._for_floor = min(self.count, len(self.held_out))
        if self._for_floor < 2:
            translated = "" if at_most is None else f", with {at_most} to translate"
            raise SparseganError(
                f"{images.name} has {counted(len(images), 'image')} to learn from and "
                f"{len(self.held_out)} held out{translated}, and an evaluation needs two of each: "
                "add pictures, or train without evaluations (--evaluate.images 0)"
            )
        if self.count < FEW:
            log.warning(
                "images of %s are judged by %d real ones (there are %d held-out ones): "
                "a distance of so few says little, look at the pictures",
                images.name,
                self.count,
                len(self.held_out),
            )
        self._network = metrics.load_features(config.evaluate.features)
        self._beside = Beside(config, images, self.held_out, self.count)
        self._real: Tensor | None = None
        self.neighbours: Neighbours | None = None
        self._copies: metrics.Copies | None = None
        self._floor: dict[str, float] = {}

    def __call__(self, generator: nn.Module, seed: int | None = None) -> dict[str, Any]:
        """Compare a generator as `sampling.sampled` gives it.

        Args:
            generator: Whose images.
            seed: Of the images; None: the run's, under which all its evaluations see the same
                noise.

        Returns:
            The fields of an `evaluate` event that say what was found.
        """
        start = time.perf_counter()
        real = self._prepare() if self._real is None else self._real
        pixels = self.draw(generator, self.config.seed if seed is None else seed)
        generated = metrics.extract(self._network, pixels)
        kid = metrics.kid(generated, real, seed=self.config.seed)
        return {
            "metric": f"kid-{self._network.name}",
            "value": kid.value,
            "low": kid.low,
            "high": kid.high,
            **self._beside(generated[: self.count], pixels[: self.count]),
            "diversity": metrics.diversity(generated, real),
            **({} if self._copies is None else {"copies": self._copies(generated)}),
            **self._floor,
            "n": self.count,
            **({} if self.generated == self.count else {"generated": self.generated}),
            **({} if self._for_floor == self.count else {"held_out": self._for_floor}),
            "seconds": time.perf_counter() - start,
        }

    def draw(self, generator: nn.Module, seed: int) -> Tensor:
        """The images to judge a generator by, uint8 `(generated, C, H, W)`."""
        return sampling.draw_images(generator, self.generated, seed=seed)

    def _prepare(self) -> Tensor:
        """Features of the real images; the floors besides."""
        seed = self.config.seed
        real, held_out = (
            metrics.reference_features(images, self._network, count=count, seed=seed)
            for images, count in (
                (self.images, self.count),
                (self.held_out, self._for_floor),
            )
        )
        self._floor = {
            "floor": metrics.kid(real, held_out, seed=seed).value,
            **self._beside.prepare(self._network, real, held_out),
        }
        if len(self.images) <= MOST_COMPARED:
            self.neighbours = Neighbours(self.images, self._network, seed)
            if max(len(held_out), len(self.images)) >= metrics.FEWEST:
                self._copies = metrics.Copies(self.neighbours.features, held_out)
        self._real = real
        return real


def sentence(event: Evaluation) -> str:
    """An evaluation in a line: the value, its interval, the floor, and what was compared."""
    value, low, high, floor = map(_figure, (event.value, event.low, event.high, event.floor))
    floor = estimate(floor, event.floor or 0.0)
    floor += "" if event.held_out is None else f" by {event.held_out} held out"
    more = "" if event.generated is None else f" real, {event.generated} generated"
    return (
        f"{event.metric} {value} [{low}, {high}], real against real {floor} "
        f"(n = {event.n}{more}, {event.weights} weights, {event.bn} statistics)"
    )


def _figure(value: float | None) -> str:
    return f"{value:.4f}" if value is not None and math.isfinite(value) else "–"
