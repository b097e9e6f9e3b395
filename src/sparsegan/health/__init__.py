"""Whether a run is going well, and what came of it, from what is recorded of it anyway."""

from sparsegan.health.detectors import DETECTORS, Finding
from sparsegan.health.verdict import Verdict, verdicts
from sparsegan.health.watch import Health

__all__ = ["DETECTORS", "Finding", "Health", "Verdict", "verdicts"]
