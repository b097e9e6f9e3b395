"""What every source gives: images in memory."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan.cache import digest
from sparsegan.data.notes import NO_NOTES, Notes
from sparsegan.errors import SparseganError
from sparsegan.nearest import did_you_mean


@dataclass(frozen=True, eq=False)
class Images:
    """A split of a data set.

    Attributes:
        pixels: uint8 ``(N, C, H, W)`` on the CPU, ``C`` 1 (grey) or 3 (RGB).
        labels: int64 ``(N,)``, places in ``class_names``; None where the images have no classes.
        class_names: The names of the classes; empty where there are none.
        name: What to call the data in a report.
        notes: What there is to say of them besides.
    """

    pixels: Tensor
    labels: Tensor | None
    class_names: tuple[str, ...]
    name: str
    notes: Notes = NO_NOTES

    def __len__(self) -> int:
        return len(self.pixels)

    def of_classes(self, names: Sequence[str]) -> "Images":
        """The images of these classes alone; their labels are places in `names`.

        Raises:
            SparseganError: The images have no class of that name.
        """
        if tuple(names) == self.class_names:
            return self
        if self.labels is None and self.class_names:
            raise SparseganError(
                f"{self.name} has held-out images without a class, so that those of "
                f"{', '.join(names)} cannot be told: put them into folders called like the "
                "classes, or leave data.classes out"
            )
        for name in names:
            if self.labels is None or name not in self.class_names:
                remedy = "leave data.classes out"
                hint = did_you_mean(name, self.class_names, remedy, cutoff=0.0)
                raise SparseganError(f"{self.name} has no class {name}: {hint}")
        assert self.labels is not None, "every name is a class"
        number_of = {name: number for number, name in enumerate(names)}
        places = torch.tensor([number_of.get(name, -1) for name in self.class_names])
        labels = places[self.labels]
        kept = (labels >= 0).nonzero().squeeze(1)
        pixels = self.pixels.index_select(0, kept)
        return Images(pixels, labels[kept], tuple(names), self.name, self.notes)

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a SHA-256 over the pixels, the labels and their shapes."""
        return digest(self.pixels, *([] if self.labels is None else [self.labels]))[:16]
