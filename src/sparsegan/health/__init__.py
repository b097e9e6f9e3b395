"""Whether a run is going well, from what is recorded of it anyway."""

from sparsegan.health.detectors import DETECTORS, Finding
from sparsegan.health.watch import Health

__all__ = ["DETECTORS", "Finding", "Health"]
