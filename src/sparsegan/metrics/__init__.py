"""How far generated images are from real ones, as seen by a feature network."""

from sparsegan.metrics.features import EfficientNetLite0, FeatureNetwork, load_features
from sparsegan.metrics.frechet import frechet_distance
from sparsegan.metrics.kid import KID, kid
from sparsegan.metrics.reference import reference_features

__all__ = [
    "KID",
    "EfficientNetLite0",
    "FeatureNetwork",
    "frechet_distance",
    "kid",
    "load_features",
    "reference_features",
]
