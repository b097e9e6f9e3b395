"""The native CPU engine: convolutions and linear layers that compute with active weights only.

Tensors are what PyTorch's are, contiguous ``(batch, channels, height, width)``.
"""

from sparsegan.engine.attach import has_own_forward
from sparsegan.engine.blocks import BLOCK
from sparsegan.engine.choice import Engine, Timing, Wanted, attach
from sparsegan.engine.functional import sparse_conv2d, sparse_conv_transpose2d, sparse_linear
from sparsegan.engine.index import SparseIndex
from sparsegan.engine.layer_timing import LayerTiming
from sparsegan.engine.native import available, isa, supported_isas, use_isa
from sparsegan.engine.normalise import batch_norm
from sparsegan.engine.resample import average_pool2, upsample2
from sparsegan.engine.zero import zero_where_

__all__ = [
    "BLOCK",
    "Engine",
    "LayerTiming",
    "SparseIndex",
    "Timing",
    "Wanted",
    "attach",
    "available",
    "average_pool2",
    "batch_norm",
    "has_own_forward",
    "isa",
    "sparse_conv2d",
    "sparse_conv_transpose2d",
    "sparse_linear",
    "supported_isas",
    "upsample2",
    "use_isa",
    "zero_where_",
]
