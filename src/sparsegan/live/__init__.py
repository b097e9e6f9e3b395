"""A page on runs that grows with them: served to this machine alone, read from their directories.

It knows nothing of training: a run that another process trains, or has trained, is shown likewise.
"""

from sparsegan.live.beside import Beside

__all__ = ["Beside"]
