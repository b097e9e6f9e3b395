"""Image sources, all of them read into uint8 tensors, and the order of batches."""

from sparsegan.data.batches import batch_indices, to_float
from sparsegan.data.images import Images
from sparsegan.data.sources import SOURCES, load, load_pair

__all__ = ["SOURCES", "Images", "batch_indices", "load", "load_pair", "to_float"]
