"""The generator of a run to take away: packed, as dense ONNX, as a page, as a folder for the hub.

Example:
    >>> from sparsegan import export
    >>> written = export.export_run(Path("runs/mine"), "packed")  # doctest: +SKIP
    >>> generator = export.load(written.path)  # doctest: +SKIP
"""

from sparsegan.export.blueprint import Blueprint
from sparsegan.export.frozen import Frozen, freeze, freeze_own
from sparsegan.export.onnx import write_onnx
from sparsegan.export.packed import load, write_packed
from sparsegan.export.run import FORMATS, Written, export_run

__all__ = [
    "FORMATS",
    "Blueprint",
    "Frozen",
    "Written",
    "export_run",
    "freeze",
    "freeze_own",
    "load",
    "write_onnx",
    "write_packed",
]
