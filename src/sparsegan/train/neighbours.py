"""Samples beside the training images nearest to them."""

from pathlib import Path

from torch import Tensor

from sparsegan import metrics
from sparsegan.data import Images
from sparsegan.draw import pictures
from sparsegan.metrics import FeatureNetwork
from sparsegan.settings.config import Config
from sparsegan.train import build


class Neighbours:
    """Knows the training images by their features.

    Args:
        images: All training images.
        network: Of the features; those of the images are computed once and kept.
        seed: The run's.

    Attributes:
        features: Of the training images, float32 `(n, d)`, in an order of its own.

    Raises:
        SparseganError: The network breaks its promise.
    """

    def __init__(self, images: Images, network: FeatureNetwork, seed: int) -> None:
        self._images, self._network = images, network
        self._order = metrics.reference_images(images, len(images), seed)
        self.features = metrics.reference_features(images, network, count=len(images), seed=seed)

    def __call__(self, pixels: Tensor) -> Tensor:
        """The training image nearest to each of uint8 images `(N, C, H, W)`, likewise."""
        _, which = metrics.nearest(metrics.extract(self._network, pixels), self.features)
        return self._images.pixels[self._order[which]]

    def save(self, path: Path, pixels: Tensor) -> None:
        """Write a PNG of images `(N, C, H, W)`, each beside its neighbour.

        Raises:
            SparseganError: The file cannot be written.
        """
        columns = max(1, round((len(pixels) / 2) ** 0.5))
        pictures.save_png(path, pictures.pairs(pixels, self(pixels), columns))


def of_run(config: Config) -> Neighbours:
    """The training images of a run, by the features that it was evaluated by.

    Raises:
        SparseganError: They cannot be read, or there is no such feature network.
    """
    network = metrics.load_features(config.evaluate.features)
    return Neighbours(build.load_images(config), network, config.seed)
