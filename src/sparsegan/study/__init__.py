"""Studies: runs compared over arms, axes and seeds, out of one file."""

from sparsegan.study.table import Table, load

__all__ = ["Table", "load"]
