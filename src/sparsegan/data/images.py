"""What every source gives: images in memory."""

import functools
from dataclasses import dataclass

from torch import Tensor

from sparsegan.cache import digest


@dataclass(frozen=True, eq=False)
class Images:
    """A split of a data set.

    Attributes:
        pixels: uint8 ``(N, C, H, W)`` on the CPU, ``C`` 1 (grey) or 3 (RGB).
        labels: int64 ``(N,)``, places in ``class_names``; None where the images have no classes.
        class_names: The names of the classes; empty where there are none.
        name: What to call the data in a report.
    """

    pixels: Tensor
    labels: Tensor | None
    class_names: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        return len(self.pixels)

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a SHA-256 over the pixels, the labels and their shapes."""
        return digest(self.pixels, *([] if self.labels is None else [self.labels]))[:16]
