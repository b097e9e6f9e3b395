"""How far generated images are from real ones, beside how far real ones are from each other."""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sparsegan import metrics
from sparsegan.data import Images
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.record.events import Evaluation
from sparsegan.settings.config import Config
from sparsegan.train import build

log = logging.getLogger("sparsegan")

# Fewer images on a side, and the spread of a distance is as large as what it is to tell apart.
FEW = 50


# Real images that the classifier of classes learns from, at the least as many a class.
LEARNT, LEARNT_A_CLASS = 5000, 50

BESIDE: Mapping[str, str] = {
    "frechet": "Fréchet distance on the same features",
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "classes_seen": "share of the classes that are seen",
    "class_entropy": "evenness of the classes",
    "class_accuracy": "share of held-out images whose class the classifier of features tells",
}
"""What an evaluation may have beside its value, in words."""


class Evaluator:
    """How a generator's images compare with the real ones, in the numbers of `evaluate.metrics`.

    Real features, the classifier and the floors are computed at the first evaluation and kept; what
    cannot work is refused at once. A floor compares as many training images with held-out ones, so
    that a perfect generator would reach it.

    Args:
        config: Resolved settings.
        images: The training images.
        held_out: Others; None: those of the data source.
        at_most: How many images there can be on a side of a comparison; None: any number.

    Attributes:
        count: Images on either side of a comparison: `evaluate.images`, or as many as there are.

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
        inception = config.evaluate.inception
        self._inception = None if inception is None else metrics.Inception2015(Path(inception))
        self._require()
        self._real: Tensor | None = None
        self._inception_real: Tensor | None = None
        self._classifier: metrics.ClassClassifier | None = None
        self._floor: dict[str, float] = {}

    def _require(self) -> None:
        wanted = self.config.evaluate.metrics
        if "prdc" in wanted:
            metrics.require_prdc(self.count)
        if "classes" in wanted and (self.images.labels is None or len(self.images.class_names) < 2):
            raise SparseganError(
                f"evaluate.metrics has classes, and {self.images.name} has no two classes: put the "
                "images of each class into a folder of its own, or leave it out"
            )

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
            **self._beside(generated, real),
            **self._fid(pixels),
            **self._floor,
            "n": self.count,
            "seconds": time.perf_counter() - start,
        }

    def draw(self, generator: nn.Module, seed: int) -> Tensor:
        """The images to judge a generator by, uint8 `(count, C, H, W)`."""
        return sampling.images(generator, self.count, seed=seed)

    def _beside(self, x: Tensor, real: Tensor) -> dict[str, float]:
        """The numbers beside the kernel distance of features from the real images'."""
        wanted, numbers = self.config.evaluate.metrics, dict[str, float]()
        if "frechet" in wanted:
            numbers["frechet"] = metrics.frechet_distance(x, real)
        if "prdc" in wanted:
            numbers |= asdict(metrics.prdc(x, real))
        if self._classifier is not None:
            coverage = self._classifier.coverage(x)
            numbers |= {"classes_seen": coverage.seen, "class_entropy": coverage.entropy}
        return numbers

    def _fid(self, pixels: Tensor) -> dict[str, float]:
        if self._inception is None or self._inception_real is None:
            return {}
        features = metrics.extract(self._inception, pixels)
        return {"fid": metrics.frechet_distance(features, self._inception_real)}

    def _prepare(self) -> Tensor:
        """Features of the real images; classifier and floors besides."""
        real, held_out = self._reference(self._network)
        if "classes" in self.config.evaluate.metrics:
            self._classifier = self._learn()
        self._floor = {"floor": metrics.kid(real, held_out, seed=self.config.seed).value}
        beside = self._beside(held_out, real)
        self._floor |= {f"{name}_floor": value for name, value in beside.items()}
        if self._inception is not None:
            self._inception_real, others = self._reference(self._inception)
            self._floor["fid_floor"] = metrics.frechet_distance(self._inception_real, others)
        if self._classifier is not None:
            self._floor |= self._accuracy(self._classifier, held_out)
        self._real = real
        return real

    def _reference(self, network: metrics.FeatureNetwork) -> tuple[Tensor, Tensor]:
        """Features of as many real images as are compared, and of as many held-out ones."""
        count, seed = self.count, self.config.seed
        sets = (self.images, self.held_out)
        real, held_out = (
            metrics.reference_features(images, network, count=count, seed=seed) for images in sets
        )
        return real, held_out

    def _learn(self) -> metrics.ClassClassifier:
        """What tells the classes of images, by features of real ones."""
        images, seed, classes = self.images, self.config.seed, len(self.images.class_names)
        assert images.labels is not None
        count = min(len(images), max(LEARNT, LEARNT_A_CLASS * classes))
        features = metrics.reference_features(images, self._network, count=count, seed=seed)
        labels = images.labels[metrics.reference_images(images, count, seed)]
        return metrics.ClassClassifier(features, labels, classes)

    def _accuracy(self, classifier: metrics.ClassClassifier, held_out: Tensor) -> dict[str, float]:
        """How often the classifier is right about held-out images, where these have classes."""
        images = self.held_out
        if images.labels is None or images.class_names != self.images.class_names:
            return {}
        labels = images.labels[metrics.reference_images(images, self.count, self.config.seed)]
        return {"class_accuracy": (classifier(held_out) == labels).double().mean().item()}


def sentence(event: Evaluation) -> str:
    """An evaluation in a line: the value, its interval, the floor, and what was compared."""
    value, low, high, floor = map(_figure, (event.value, event.low, event.high, event.floor))
    return (
        f"{event.metric} {value} [{low}, {high}], real against real {floor} "
        f"(n = {event.n}, {event.weights} weights, {event.bn} statistics)"
    )


def beside(event: Evaluation) -> Iterator[str]:
    """The numbers of an evaluation beside its value, each with that of real images, in words."""
    for name, words in BESIDE.items():
        value, floor = getattr(event, name), getattr(event, f"{name}_floor", None)
        if value is not None:
            real = "" if floor is None else f", real against real {floor:.4g}"
            yield f"{words} {value:.4g}{real}"


def _figure(value: float | None) -> str:
    return f"{value:.4f}" if value is not None and math.isfinite(value) else "–"
