"""The mask of a network whose weights are trained already: of what they were, what stays."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparsegan.sparsity.masks import Masks


def same(masks: Masks, state: Mapping[str, Any]) -> Tensor | None:
    """The saved mask as it is, where it is one of the same layers and of whole units.

    Args:
        masks: Freshly drawn.
        state: From `Masks.state_dict`, of a network of the same weights.

    Returns:
        Bool tensor of all weights, or None.
    """
    active = trained(masks, state)
    if list(state["names"]) != masks.names:
        return None
    units = masks.units
    return active if torch.equal(units.spread(units.first(active)), active) else None


def trained(masks: Masks, state: Mapping[str, Any]) -> Tensor:
    """Which weights of the masks' layers the saved masks had active; others' were all trained."""
    old = Masks.unpacked_state(state)
    return torch.cat(
        [
            old[layer.name].reshape(-1)
            if layer.name in old and old[layer.name].shape == layer.parameter.shape
            else torch.ones(layer.parameter.numel(), dtype=torch.bool)
            for layer in masks.layers
        ]
    )


def strongest(
    masks: Masks, active: Tensor, weights: Tensor, generator: torch.Generator | None
) -> Tensor:
    """A mask with as many active units in every layer as drawn, of the largest trained weights.

    What is missing where fewer were trained is drawn at random; its weights begin at zero.

    Args:
        masks: Freshly drawn: their counts are what the settings ask for.
        active: Which weights were trained, a bool tensor of all.
        weights: All weights.
        generator: A CPU generator for the draw.

    Returns:
        Bool tensor of all weights, on the CPU.
    """
    units = masks.units
    magnitudes = units.mean(weights.cpu().abs().masked_fill(~active, 0.0))
    were = units.mean(active.float()) > 0
    lots = torch.rand(len(were), generator=generator, dtype=magnitudes.dtype)
    order_by = torch.where(were, magnitudes, lots - 2)  # whatever was trained comes first
    drawn = units.first(masks.flat.cpu())
    after = torch.zeros_like(drawn)
    for kept, values, bits in zip(*map(units.split_groups, (after, order_by, drawn)), strict=True):
        kept[values.argsort(descending=True, stable=True)[: int(bits.sum())]] = True
    return units.spread(after)
