"""Weights that grow again take up the values that they had when they were dropped.

An option of the published code of ADAPT, off in all its scripts (methods.md, A5.10): grown weights
that were never active before start at 0 all the same.
"""

import torch
from torch import Tensor

from sparsegan.sparsity.masks import Masks


class FormerWeights:
    """What every inactive weight was when it was last active; 0 where it never was.

    Args:
        masks: Of the network; told of every change of them by `remember` and `restore`.

    Attributes:
        values: Flat, in the masks' order; entries of active weights mean nothing.
    """

    def __init__(self, masks: Masks) -> None:
        self.masks = masks
        self.values = torch.zeros_like(masks.weights())

    def remember(self, dropped: Tensor) -> None:
        """Keep weights that are about to be zeroed.

        Args:
            dropped: Bool tensor of all weights.
        """
        self.load(self.values)
        self.values = torch.where(dropped, self.masks.weights(), self.values)

    @torch.no_grad()
    def restore(self, grown: Tensor) -> int:
        """Give newly active weights their former values; how many of those are not 0.

        Args:
            grown: Bool tensor of all weights.
        """
        parts = zip(self.masks.layers, *map(self.masks.split, (grown, self.values)), strict=True)
        for layer, of_layer, former in parts:
            weight = layer.parameter
            weight.copy_(
                torch.where(of_layer.view(weight.shape), former.view(weight.shape), weight)
            )
        return int((grown & (self.values != 0)).sum())

    def load(self, values: Tensor) -> None:
        """Take over saved values, to where the network is."""
        self.values = values.to(self.masks.layers[0].parameter)
