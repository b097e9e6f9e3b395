"""STU-GAN: exploration within layers, of whom it is told, with its own rule and average."""

import pytest
import torch

import reference
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


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_exploration_by_gradient_is_the_reference_in_every_layer(name):
    """The ceiling of fraction times active goes, by magnitude, and as many come in its layer."""
    gan, kept = ToyGan(), {}
    module, optimizer = {"generator": (gan.G, gan.opt_G), "discriminator": (gan.D, gan.opt_D)}[name]
    optimizer.register_step_pre_hook(
        lambda *_: kept.update(grad=[p.grad.clone() for p in module.parameters() if p.dim() == 4])
    )
    method = StuGan(*gan.parts, steps=10, explore=name, interval=5, discriminator_growth="gradient")
    gan.run(method, 4)
    masks = getattr(method, name).masks
    optimizer.register_step_post_hook(lambda *_: kept.update(weights=masks.weights()))
    before = masks.flat.tolist()
    gan.run(method, 1)
    fraction = DropFraction()(5, 10)
    assert any(fraction * count % 1 for count in masks.counts().values())  # rounding is seen
    assert masks.flat.tolist() == reference.rewire_layers(
        [layer for layer, size in masks.sizes().items() for _ in range(size)],
        before,
        kept["weights"].tolist(),
        torch.cat([g.flatten() for g in kept["grad"]]).tolist(),
        fraction,
    )


def test_published_constants_rule_and_average():
    gan = ToyGan()
    method = StuGan(*gan.parts, steps=10)
    settings = method.settings
    assert (settings.generator_density, settings.discriminator_density) == (0.2, 0.3)
    assert (settings.interval, settings.drop_start, settings.drop_end) == (1000, 0.5, 0.005)
    assert (settings.explore, settings.generator_growth, settings.discriminator_growth) == (
        "both",
        "gradient",
        "random",
    )
    assert method.generator.masks.names == ["4", "7"]  # linear layers stay dense
    assert method.discriminator.masks.names == ["0", "2"]
    assert method.ema.form == "reseeded"
    assert "2.running_mean" in method.ema.averages
