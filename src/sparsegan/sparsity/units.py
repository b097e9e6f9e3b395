"""What comes and goes as one: single weights, or blocks of four output channels.

A block is the weights of up to four consecutive output channels at one input channel and one place
of the kernel; all of them are active or none is. Kernels then read an input once for four outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from sparsegan.engine import BLOCK
from sparsegan.errors import SparseganError
from sparsegan.sparsity.maskable import MaskableLayer

Granularity = Literal["weight", "block"]


@dataclass(frozen=True)
class Group:
    """Units of one size in one layer.

    Attributes:
        layer: The layer's index.
        size: Weights of each unit.
        count: How many units there are.
    """

    layer: int
    size: int
    count: int


class Units:
    """The units of a network's weights, and vectors over weights as vectors over units and back.

    A flat vector of weights goes layer after layer, as in `Masks`. A flat vector of units does,
    too; within a layer, blocks go by their output channels, then as the weight's other dimensions
    do. The last blocks are smaller where a layer's output channels are no multiple of four. With
    granularity ``weight`` both vectors are the same one.

    Args:
        layers: The masked layers.
        granularity: ``weight`` or ``block``.

    Attributes:
        shapes: The layers' weight shapes.
        groups: All units, layer after layer and in a vector's order; those of a layer's smaller
            last blocks are a group of their own.

    Raises:
        SparseganError: If the granularity is unknown.
    """

    def __init__(self, layers: Sequence[MaskableLayer], granularity: Granularity) -> None:
        if granularity not in get_args(Granularity):
            raise SparseganError(
                f"granularity is {granularity!r}: choose one of {', '.join(get_args(Granularity))}"
            )
        self.granularity = granularity
        self.shapes = [tuple(layer.parameter.shape) for layer in layers]
        self._outputs = [layer.output_dimension for layer in layers]
        self._weights = [layer.parameter.numel() for layer in layers]
        self.groups = [
            group for i in range(len(layers)) for group in self._groups_of(i) if group.count
        ]
        self._counts = [
            sum(group.count for group in self.groups if group.layer == i)
            for i in range(len(layers))
        ]

    def _groups_of(self, layer: int) -> list[Group]:
        weights = self._weights[layer]
        if self.granularity == "weight":
            return [Group(layer, 1, weights)]
        outputs = self.shapes[layer][self._outputs[layer]]
        full, rest = divmod(outputs, BLOCK)
        others = weights // outputs
        return [Group(layer, BLOCK, full * others), Group(layer, rest, others if rest else 0)]

    @property
    def sizes(self) -> Tensor | None:
        """Weights of each unit, int64 on the CPU; None where every unit is a single weight."""
        if self.granularity == "weight":
            return None
        sizes = torch.tensor([group.size for group in self.groups])
        return sizes.repeat_interleave(torch.tensor([group.count for group in self.groups]))

    @property
    def slices(self) -> list[slice]:
        """Where each layer lies in a vector of units."""
        ends = list(accumulate(self._counts, initial=0))
        return [slice(start, end) for start, end in pairwise(ends)]

    def split(self, units: Tensor) -> tuple[Tensor, ...]:
        """Cut a vector of units into one view per layer."""
        return tuple(torch.split(units, self._counts))

    def split_groups(self, units: Tensor) -> tuple[Tensor, ...]:
        """Cut a vector of units into one view per group."""
        return tuple(torch.split(units, [group.count for group in self.groups]))

    def first(self, flat: Tensor) -> Tensor:
        """The value of each unit's first weight, which is the unit's own in a mask of whole units.

        Args:
            flat: One value for each weight.
        """
        if self.granularity == "weight":
            return flat
        return torch.cat([rows[::BLOCK].reshape(-1) for rows in self._rows(flat)])

    def mean(self, flat: Tensor) -> Tensor:
        """The mean over each unit; over blocks in float64, where the order of adding is nothing.

        Args:
            flat: One value for each weight.

        Example:
            >>> from sparsegan.sparsity import maskable_layers
            >>> units = Units(maskable_layers(torch.nn.Linear(1, 6)), "block")
            >>> units.mean(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).tolist()
            [2.5, 5.5]
        """
        if self.granularity == "weight":
            return flat
        means = []
        for rows in self._rows(flat):
            full = len(rows) // BLOCK * BLOCK
            means.append(rows[:full].double().view(-1, BLOCK, rows.shape[1]).mean(1).view(-1))
            if full < len(rows):
                means.append(rows[full:].double().mean(0))
        return torch.cat(means)

    def spread(self, units: Tensor) -> Tensor:
        """Give every weight the value of its unit.

        Args:
            units: One value for each unit.

        Returns:
            One value for each weight.
        """
        if self.granularity == "weight":
            return units
        layers = zip(self.split(units), self.shapes, self._outputs, strict=True)
        return torch.cat([_spread(part, shape, output) for part, shape, output in layers])

    def _rows(self, flat: Tensor) -> list[Tensor]:
        """A matrix for every layer, with a row for each output channel."""
        parts = zip(torch.split(flat, self._weights), self.shapes, self._outputs, strict=True)
        return [
            part.view(shape).movedim(output, 0).reshape(shape[output], -1)
            for part, shape, output in parts
        ]


def _spread(units: Tensor, shape: tuple[int, ...], output: int) -> Tensor:
    rows = units.view(-(-shape[output] // BLOCK), -1).repeat_interleave(BLOCK, 0)
    others = [size for i, size in enumerate(shape) if i != output]
    return rows[: shape[output]].reshape(shape[output], *others).movedim(0, output).reshape(-1)
