"""What Python programs and notebooks call: a run from settings, and a record of any loop.

Example:
    >>> run = fit("my_pictures/", steps=2000)  # doctest: +SKIP
    >>> run.sample(16)  # doctest: +SKIP
"""

from sparsegan.api.recorder import Recorder
from sparsegan.api.run import Run, open_run
from sparsegan.api.training import fit

__all__ = ["Recorder", "Run", "fit", "open_run"]
