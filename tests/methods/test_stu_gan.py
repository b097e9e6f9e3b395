"""STU-GAN: exploration within layers, of whom it is told, with its own rule and average."""

import math

import pytest
import torch

from sparsegan import StuGan
from sparsegan.sparsity import DropFraction
from toy_gan import ToyGan, require_sparse


@pytest.mark.parametrize("explore", ["generator", "discriminator", "both"])
@pytest.mark.parametrize("growths", [("gradient", "random"), ("random", "gradient")])
def test_who_is_named_explores_and_every_layer_keeps_its_count(explore, growths):
    gan = ToyGan(spectral_norm="parametrized")
    method = StuGan(
        *gan.parts,
        steps=12,
        explore=explore,
        interval=4,
        generator_growth=growths[0],
        discriminator_growth=growths[1],
    )
    networks = {"generator": method.generator, "discriminator": method.discriminator}
    counts = {name: network.masks.counts() for name, network in networks.items()}
    before = {name: network.masks.flat for name, network in networks.items()}
    events = gan.run(method, 12)
    named = list(networks) if explore == "both" else [explore]
    moved = [(e.step, c.network) for e in events for c in e.changes]
    assert moved == [(step, name) for step in (4, 8) for name in named]
    for name, network in networks.items():
        assert network.masks.counts() == counts[name]
        assert torch.equal(network.masks.flat, before[name]) == (name not in named)
        require_sparse(network)


def test_random_exploration_drops_the_ceiling_of_every_layer():
    gan = ToyGan()
    method = StuGan(*gan.parts, steps=100, interval=2, explore="discriminator")
    gan.run(method, 1)
    masks, seen = method.discriminator.masks, {}
    weights, before = {}, {name: masks[name] for name in masks.names}
    gan.opt_D.register_step_post_hook(
        lambda *_: weights.update(
            {layer.name: layer.parameter.detach().clone() for layer in masks.layers}
        )
    )
    gan.run(method, 1)
    fraction = DropFraction()(2, 100)
    for name, count in masks.counts().items():
        k = math.ceil(fraction * count)
        strongest = weights[name].abs()[before[name]].sort().values[k:]
        kept = masks[name] & before[name]
        seen[name] = k
        # All that were not among the k smallest are still there.
        assert set(strongest.tolist()) <= set(weights[name].abs()[kept].tolist())
        assert int(kept.sum()) >= count - k
    assert all(seen.values())


def test_published_constants_rule_and_average():
    gan = ToyGan()
    method = StuGan(*gan.parts, steps=10)
    chosen = method.settings
    assert (chosen.generator_density, chosen.discriminator_density) == (0.2, 0.3)
    assert (chosen.interval, chosen.drop_start, chosen.drop_end) == (1000, 0.5, 0.005)
    assert (chosen.explore, chosen.generator_growth, chosen.discriminator_growth) == (
        "both",
        "gradient",
        "random",
    )
    assert method.generator.masks.names == ["4", "7"]  # linear layers stay dense
    assert method.discriminator.masks.names == ["0", "2"]
    assert method.ema.form == "reseeded"
    assert "2.running_mean" in method.ema.averages
