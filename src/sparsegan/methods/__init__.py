"""One file per method, each its paper's pseudo-code over the parts of sparsity and balance."""

from sparsegan.methods.adapt import Adapt
from sparsegan.methods.base import Method, StepEvents
from sparsegan.methods.dda import Dda
from sparsegan.methods.dense import Dense
from sparsegan.methods.ramp import Ramp
from sparsegan.methods.requests import Requests
from sparsegan.methods.sdst import Sdst
from sparsegan.methods.static import Static
from sparsegan.methods.stu_gan import StuGan

METHODS: dict[str, type[Method]] = {
    "adapt": Adapt,
    "dda": Dda,
    "dense": Dense,
    "ramp": Ramp,
    "sdst": Sdst,
    "static": Static,
    "stu-gan": StuGan,
}
"""The methods by the names that configurations use."""

__all__ = [
    "METHODS",
    "Adapt",
    "Dda",
    "Dense",
    "Method",
    "Ramp",
    "Requests",
    "Sdst",
    "Static",
    "StepEvents",
    "StuGan",
]
