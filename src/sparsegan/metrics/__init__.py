"""How far generated images are from real ones, as seen by a feature network."""

from sparsegan.metrics.classes import ClassClassifier, ClassCoverage
from sparsegan.metrics.features import EfficientNetLite0, FeatureNetwork, extract, load_features
from sparsegan.metrics.frechet import frechet_distance
from sparsegan.metrics.inception import Inception2015
from sparsegan.metrics.kid import KID, kid
from sparsegan.metrics.likeness import FEWEST, Copies, diversity, nearest
from sparsegan.metrics.prdc import PRDC, prdc, require_prdc
from sparsegan.metrics.reference import reference_features, reference_images

__all__ = [
    "FEWEST",
    "KID",
    "PRDC",
    "ClassClassifier",
    "ClassCoverage",
    "Copies",
    "EfficientNetLite0",
    "FeatureNetwork",
    "Inception2015",
    "diversity",
    "extract",
    "frechet_distance",
    "kid",
    "load_features",
    "nearest",
    "prdc",
    "reference_features",
    "reference_images",
    "require_prdc",
]
