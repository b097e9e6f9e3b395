"""The numbers that an evaluation has beside its kernel distance."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from sparsegan import metrics
from sparsegan.data import Images
from sparsegan.errors import SparseganError
from sparsegan.record.events import Evaluation
from sparsegan.settings.config import Config

# Real images that the classifier of classes learns from, at the least as many a class.
LEARNT, LEARNT_A_CLASS = 5000, 50

WORDS: Mapping[str, str] = {
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
"""What there may be, in words."""


class Beside:
    """Compares generated images with real ones in the numbers of `evaluate.metrics`.

    Args:
        config: Resolved settings.
        images: The training images.
        held_out: Others.
        count: Images on either side of a comparison.

    Raises:
        SparseganError: A package, a file, labels or images are missing that a number needs.
    """

    def __init__(self, config: Config, images: Images, held_out: Images, count: int) -> None:
        self._images, self._held_out = images, held_out
        self._count, self._seed, self._wanted = count, config.seed, config.evaluate.metrics
        if "prdc" in self._wanted:
            metrics.require_prdc(count)
        if "classes" in self._wanted and (images.labels is None or len(images.class_names) < 2):
            raise SparseganError(
                f"evaluate.metrics has classes, and {images.name} has no two classes: put the "
                "images of each class into a folder of its own, or leave it out"
            )
        inception = config.evaluate.inception
        self._inception = None if inception is None else metrics.Inception2015(Path(inception))
        self._real: Tensor | None = None
        self._inception_real: Tensor | None = None
        self._classifier: metrics.ClassClassifier | None = None

    def prepare(
        self, network: metrics.FeatureNetwork, real: Tensor, held_out: Tensor
    ) -> dict[str, float]:
        """Learn what is to be known of the real images.

        Args:
            network: Of the features.
            real: Features of training images, `(count, d)`.
            held_out: Features of held-out ones, `(n, d)`, `n` at most `count`.

        Returns:
            The numbers of held-out images in place of generated ones, `<number>_floor`, where there
            are as many of them (fewer would not compare), and how good the classifier is.
        """
        self._real = real
        if "classes" in self._wanted:
            self._classifier = self._learn(network)
        floors, as_many = {}, len(held_out) == len(real)
        if as_many:
            floors = {f"{name}_floor": number for name, number in self._of(held_out).items()}
        if self._inception is not None:
            self._inception_real = self._inception_features(self._inception, self._images)
            if as_many:
                others = self._inception_features(self._inception, self._held_out)
                floors["fid_floor"] = metrics.frechet_distance(self._inception_real, others)
        if self._classifier is not None:
            floors |= self._accuracy(self._classifier, held_out)
        return floors

    def __call__(self, generated: Tensor, pixels: Tensor) -> dict[str, float]:
        """The numbers of generated images.

        Args:
            generated: Their features, `(count, d)`.
            pixels: The images themselves, uint8 `(count, C, H, W)`.
        """
        numbers = self._of(generated)
        if self._inception is not None and self._inception_real is not None:
            features = metrics.extract(self._inception, pixels)
            numbers["fid"] = metrics.frechet_distance(features, self._inception_real)
        return numbers

    def _of(self, x: Tensor) -> dict[str, float]:
        """The numbers of features, but for an FID."""
        assert self._real is not None, "nothing is known of the real images before `prepare`"
        numbers: dict[str, float] = {}
        if "frechet" in self._wanted:
            numbers["frechet"] = metrics.frechet_distance(x, self._real)
        if "prdc" in self._wanted:
            numbers |= asdict(metrics.prdc(x, self._real))
        if self._classifier is not None:
            coverage = self._classifier.coverage(x)
            numbers |= {"classes_seen": coverage.seen, "class_entropy": coverage.entropy}
        return numbers

    def _inception_features(self, network: metrics.Inception2015, images: Images) -> Tensor:
        return metrics.reference_features(images, network, count=self._count, seed=self._seed)

    def _learn(self, network: metrics.FeatureNetwork) -> metrics.ClassClassifier:
        """What tells the classes of images, by features of real ones."""
        images, seed, classes = self._images, self._seed, len(self._images.class_names)
        assert images.labels is not None
        count = min(len(images), max(LEARNT, LEARNT_A_CLASS * classes))
        features = metrics.reference_features(images, network, count=count, seed=seed)
        labels = images.labels[metrics.reference_images(images, count, seed)]
        return metrics.ClassClassifier(features, labels, classes)

    def _accuracy(self, classifier: metrics.ClassClassifier, held_out: Tensor) -> dict[str, float]:
        """How often the classifier is right about held-out images, where these have classes."""
        images = self._held_out
        if images.labels is None or images.class_names != self._images.class_names:
            return {}
        labels = images.labels[metrics.reference_images(images, len(held_out), self._seed)]
        return {"class_accuracy": (classifier(held_out) == labels).double().mean().item()}


def in_words(event: Evaluation) -> Iterator[str]:
    """The numbers of an evaluation beside its value, each with that of real images."""
    for name, words in WORDS.items():
        value, floor = getattr(event, name), getattr(event, f"{name}_floor", None)
        if value is not None:
            real = "" if floor is None else f", real against real {floor:.4g}"
            yield f"{words} {value:.4g}{real}"
