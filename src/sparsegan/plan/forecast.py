"""What a run is going to be, from its settings: no image read, no weight made, nothing trained."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from sparsegan.data.outline import blank, outline
from sparsegan.methods import METHODS
from sparsegan.settings.config import Config
from sparsegan.sparsity.allocation import group_counts
from sparsegan.sparsity.maskable import maskable_layers
from sparsegan.sparsity.schedule import due
from sparsegan.sparsity.units import Units
from sparsegan.torch_private import SpectralNorm
from sparsegan.train import build, kinds, networks
from sparsegan.train.cycle.unpaired import PUBLISHED_SIZE, Unpaired

Event = dict[str, Any]
Networks = Mapping[str, nn.Module]


def blank_images(config: Config) -> kinds.AnyImages | None:
    """Images of which the shape alone is right; None where it is not known without the data."""
    chosen = config.data
    if kinds.is_cycle(config):
        if chosen.channels is None:
            return None
        # How many there are is not known: as many as a batch needs.
        side = chosen.image_size or PUBLISHED_SIZE
        images = blank("trainA", config.batch_size, side, chosen.channels)
        return Unpaired(images, images)
    known = outline(build.source_of(config), image_size=chosen.image_size, channels=chosen.channels)
    if known is None or chosen.classes is None:
        return known
    if set(chosen.classes) - set(known.class_names):
        return None  # spelt wrong, or known to the data alone
    count = len(known) // len(known.class_names) * len(chosen.classes)
    _, channels, side, _ = known.pixels.shape
    return blank(known.name, count, side, channels, chosen.classes)


def pairs(config: Config) -> dict[str, Networks]:
    """The networks of each pair; an architecture's have no memory and no values.

    Args:
        config: Resolved.

    Raises:
        SparseganError: A network does not exist or does not fit the images.
    """
    found: dict[str, Networks] = {}
    for pair, chosen in build.pairs(config).items():
        if chosen.network.generator or chosen.network.discriminator:
            G, D = networks.build(chosen)  # one's own are called to see what they do
        else:
            with _without_memory():
                G, D = networks.build(chosen)
        found[pair] = {"generator": G, "discriminator": D}
    return found


@contextmanager
def _without_memory() -> Iterator[None]:
    """Make networks on the meta device; the power iterations of their making are left out."""
    iterate = SpectralNorm._power_method
    SpectralNorm._power_method = lambda *_: None  # type: ignore[method-assign]
    try:
        with torch.device("meta"):
            yield
    finally:
        SpectralNorm._power_method = iterate  # type: ignore[method-assign]


def start_counts(config: Config, of_pair: Networks) -> dict[str, dict[str, int]]:
    """Active weights of each masked layer at the start, by network.

    Raises:
        SparseganError: A setting of the method is out of its range.
    """
    method = METHODS[config.method.name]
    densities = method.starting_densities(config.method.settings, config.steps)
    return {
        name: _counts(config, network, density)
        for (name, network), density in zip(of_pair.items(), densities, strict=True)
    }


def _counts(config: Config, network: nn.Module, density: float) -> dict[str, int]:
    """Active weights of each masked layer when masks of that density are drawn."""
    settings = config.method.settings
    layers = maskable_layers(network, settings.maskable)
    units = Units(layers, settings.granularity)
    active = dict.fromkeys((layer.name for layer in layers), 0)
    counts = group_counts(units.shapes, units.groups, density, settings.allocation)
    for group, count in zip(units.groups, counts, strict=True):
        active[layers[group.layer].name] += group.size * count
    return active


def extremes(config: Config, networks_of: Mapping[str, Networks]) -> dict[str, list[Event]]:
    """The `rewire` events of the least and the most that control of D's density could lead to.

    D goes down, or up, at every decision, as far as it may; each time its layers share its density
    as when masks are drawn. Empty for methods that do not control it.
    """
    if not hasattr(config.method.settings, "control_interval"):
        return {}
    return {
        which: [
            {"kind": "rewire", "pair": pair, "network": "discriminator", **move}
            for pair, of_pair in networks_of.items()
            for move in _course(config, of_pair["discriminator"], sign)
        ]
        for which, sign in (("lowest", -1), ("highest", 1))
    }


def _course(config: Config, network: nn.Module, sign: int) -> Iterator[Event]:
    """The steps and layers of a density that moves one way at every decision, as far as it may."""
    settings = config.method.settings
    interval = settings.control_interval
    _, density = METHODS[config.method.name].starting_densities(settings, config.steps)
    lowest, highest = min(settings.floor, density), getattr(settings, "cap", 1.0)
    layers = maskable_layers(network, settings.maskable)
    for step in range(interval, config.steps, interval):
        before = density
        density = min(highest, max(lowest, density + sign * settings.density_step))
        if density == before or not due(step, interval, config.steps):
            return
        active = _counts(config, network, density)
        rows = [[layer.name, 0, active[layer.name], layer.parameter.numel()] for layer in layers]
        yield {"step": step, "layers": rows}
