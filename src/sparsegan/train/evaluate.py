"""How far generated images are from real ones, beside how far real ones are from each other."""

import logging
import math
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sparsegan import metrics
from sparsegan.data import Images
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.settings.config import Config
from sparsegan.train import build

log = logging.getLogger("sparsegan")

# Fewer images on a side, and the spread of a distance is as large as what it is to tell apart.
FEW = 50


class Evaluator:
    """Kernel and Fréchet distance of a generator's images from the real ones.

    Real features and the floor are computed at the first evaluation and kept; what cannot work
    is refused at once. The floor compares as many training images with held-out ones, so that a
    perfect generator would reach it.

    Args:
        config: Resolved settings.
        images: The training images.
        held_out: Others; None: those of the data source.
        at_most: How many images there can be on a side of a comparison; None: any number.

    Attributes:
        count: Images on either side of a comparison: `evaluate.images`, or as many as there are.

    Raises:
        SparseganError: There is no such feature network, or not two images on either side.
    """

    def __init__(
        self,
        config: Config,
        images: Images,
        held_out: Images | None = None,
        at_most: int | None = None,
    ) -> None:
        self.config, self.images = config, images
        self.held_out = build.images(config, "test") if held_out is None else held_out
        drawn = config.evaluate.images
        drawn = drawn if at_most is None else min(drawn, at_most)
        self.count = min(drawn, len(images), len(self.held_out))
        if self.count < 2:
            raise SparseganError(
                f"{drawn} generated images are to be compared with "
                f"{len(images)} real and {len(self.held_out)} held-out ones of {images.name}: "
                "have two of each at least; a run with evaluate.images 0 is not evaluated"
            )
        if self.count < FEW:
            log.warning(
                "images of %s are judged by %d on either side (there are %d held-out ones): "
                "a distance of so few says little, look at the pictures",
                images.name,
                self.count,
                len(self.held_out),
            )
        self._network = metrics.load_features(config.evaluate.features)
        self._real: Tensor | None = None
        self._floor: dict[str, float] = {}

    def __call__(self, generator: nn.Module) -> dict[str, Any]:
        """Compare a generator as `sampling.sampled` gives it.

        Returns:
            The fields of an `evaluate` event that say what was found.
        """
        start, seed = time.perf_counter(), self.config.seed
        real = self._prepare() if self._real is None else self._real
        generated = self._network(self.draw(generator))
        kid = metrics.kid(generated, real, seed=seed)
        return {
            "metric": f"kid-{self._network.name}",
            "value": kid.value,
            "low": kid.low,
            "high": kid.high,
            "frechet": metrics.frechet_distance(generated, real),
            **self._floor,
            "n": self.count,
            "seconds": time.perf_counter() - start,
        }

    def draw(self, generator: nn.Module) -> Tensor:
        """The images to judge a generator by, uint8 `(count, C, H, W)`."""
        return sampling.images(generator, self.count, seed=self.config.seed)

    def _prepare(self) -> Tensor:
        """Features of the real images; the floor besides."""
        seed = self.config.seed
        real, held_out = (
            metrics.reference_features(images, self._network, count=self.count, seed=seed)
            for images in (self.images, self.held_out)
        )
        self._floor = {
            "floor": metrics.kid(real, held_out, seed=seed).value,
            "frechet_floor": metrics.frechet_distance(real, held_out),
        }
        self._real = real
        return real


def sentence(event: Mapping[str, Any]) -> str:
    """An evaluation in a line: the value, its interval, the floor, and what was compared."""
    value, low, high, floor = (_figure(event[key]) for key in ("value", "low", "high", "floor"))
    return (
        f"{event['metric']} {value} [{low}, {high}], real against real {floor} "
        f"(n = {event['n']}, {event['weights']} weights, {event['bn']} statistics)"
    )


def _figure(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "–"
