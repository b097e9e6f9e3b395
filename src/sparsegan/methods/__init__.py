"""One file per method, each its paper's pseudo-code over the parts of sparsity and balance."""

from sparsegan.methods.adapt import Adapt
from sparsegan.methods.base import Method, StepEvents
from sparsegan.methods.calibrated import Calibrated
from sparsegan.methods.dda import Dda
from sparsegan.methods.dense import Dense
from sparsegan.methods.gmp import Gmp
from sparsegan.methods.joint import Joint
from sparsegan.methods.prune import Prune
from sparsegan.methods.ramp import Ramp
from sparsegan.methods.requests import Requests
from sparsegan.methods.sdst import Sdst
from sparsegan.methods.snip import Snip
from sparsegan.methods.static import Static
from sparsegan.methods.stu_gan import StuGan
from sparsegan.methods.tickets import Tickets

METHODS: dict[str, type[Method]] = {
    "adapt": Adapt,
    "calibrated": Calibrated,
    "dda": Dda,
    "dense": Dense,
    "gmp": Gmp,
    "joint": Joint,
    "prune": Prune,
    "ramp": Ramp,
    "sdst": Sdst,
    "snip": Snip,
    "static": Static,
    "stu-gan": StuGan,
    "tickets": Tickets,
}
"""The methods by the names that configurations use."""

__all__ = [
    "METHODS",
    "Adapt",
    "Calibrated",
    "Dda",
    "Dense",
    "Gmp",
    "Joint",
    "Method",
    "Prune",
    "Ramp",
    "Requests",
    "Sdst",
    "Snip",
    "Static",
    "StepEvents",
    "StuGan",
    "Tickets",
]
