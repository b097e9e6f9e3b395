"""One self-contained HTML page for a run or for several runs side by side."""

from sparsegan.report.page import write

__all__ = ["write"]
