"""Random masks of a wanted density, to time kernels under."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sparsegan.engine.attach import ActiveWeights
from sparsegan.engine.blocks import BLOCK


def random_mask(
    shape: tuple[int, ...],
    density: float,
    generator: torch.Generator,
    *,
    transposed: bool,
    blocks: bool,
) -> Tensor:
    """A random mask of a weight, each place or block active with equal probability.

    Args:
        shape: Of the weight.
        density: The probability.
        generator: On the CPU.
        transposed: Whether the weight's output channels are its second dimension, not its first.
        blocks: Whether four consecutive output channels are active together.
    """
    outputs, *others = (shape[1], shape[0], *shape[2:]) if transposed else shape
    rows = -(-outputs // BLOCK) if blocks else outputs
    active = torch.rand(rows, *others, generator=generator) < density
    if blocks:
        active = active.repeat_interleave(BLOCK, 0)[:outputs]
    return active.transpose(0, 1).contiguous() if transposed else active


def in_blocks(mask: Tensor, *, transposed: bool) -> bool:
    """Whether every four consecutive output channels of a mask are active together."""
    rows = mask.transpose(0, 1) if transposed else mask
    return torch.equal(rows, rows[::BLOCK].repeat_interleave(BLOCK, 0)[: len(rows)])


def network_in_blocks(network: nn.Module, masks: ActiveWeights) -> bool:
    """Whether a network's weights come and go in blocks, as far as its masks tell."""
    layers = _masked(network, masks)
    return masks.density < 1 and all(
        in_blocks(masks[name], transposed=transposed) for name, transposed in layers.items()
    )


def moved(network: nn.Module, masks: ActiveWeights, density: float) -> dict[str, Tensor]:
    """Random masks of another density, to which all layers have moved in proportion."""
    blocks, now = network_in_blocks(network, masks), masks.density
    generator = torch.Generator().manual_seed(0)
    masks_of = {}
    for name, transposed in _masked(network, masks).items():
        mask = masks[name]
        share = float(mask.float().mean())
        if density < now:
            share *= density / now
        else:
            share = 1 - (1 - share) * (1 - density) / (1 - now)
        masks_of[name] = random_mask(
            tuple(mask.shape), share, generator, transposed=transposed, blocks=blocks
        )
    return masks_of


def _masked(network: nn.Module, masks: ActiveWeights) -> Mapping[str, bool]:
    """The masked layers, and whether they are transposed convolutions."""
    named = ((name or "weight", module) for name, module in network.named_modules())
    return {name: bool(getattr(m, "transposed", False)) for name, m in named if name in masks}
