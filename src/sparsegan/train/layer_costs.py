"""What each layer of a game's networks costs, counted on the networks themselves."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.record.events import Layer
from sparsegan.settings.config import Config
from sparsegan.train import build


def layer_costs(config: Config, G: nn.Module, D: nn.Module) -> dict[str, list[LayerCost]]:
    """Cost of every layer of the generator and of the discriminator, for one sample."""
    device = next(G.parameters()).device
    size, channels = config.data.image_size or 0, config.data.channels or 0
    x = torch.zeros(1, channels, size, size, device=device)
    length = config.network.latent_dim
    z = x if length is None else torch.zeros(1, length, device=device)
    label = torch.zeros(1, dtype=torch.int64, device=device)
    labels = (label,) if build.classes(config) else ()
    return {"generator": cost.layers(G, z, *labels), "discriminator": cost.layers(D, x, *labels)}


def network_layers(
    active: Mapping[str, Mapping[str, int]], layers: Mapping[str, Sequence[LayerCost]]
) -> dict[str, tuple[Layer, ...]]:
    """The layers that have weights, with how many of them are active, and whether by a mask.

    Args:
        active: Active weights of each masked layer, by network.
        layers: All layers, by network.
    """
    return {
        network: tuple(
            Layer(
                name=layer.name,
                kind=layer.kind,
                shape=layer.shape,
                weights=layer.weights,
                active=active[network].get(layer.name, layer.weights),
                masked=layer.name in active[network],
                macs=layer.macs,
            )
            for layer in costs
            if layer.weights
        )
        for network, costs in layers.items()
    }
