import pytest
import torch

from sparsegan import nets
from sparsegan.errors import SparseganError
from sparsegan.nets.architectures import ARCHITECTURES
from sparsegan.nets.attention import Attention
from sparsegan.sparsity.maskable import maskable_layers

PAIRS = [(name, size) for name, sizes in ARCHITECTURES.items() for size in sizes]
CLASSES = 3


def small(name, image_size, channels=3):
    torch.manual_seed(0)
    classes = CLASSES if name in nets.CONDITIONAL else None
    return nets.build(
        name,
        image_size=image_size,
        channels=channels,
        generator_width=2,
        discriminator_width=2,
        classes=classes,
    )


def inputs(G, n, dtype=torch.float32):
    """What G is called with, and the labels that D is called with, too."""
    shape = (G.latent_dim,) if G.latent_dim else (G.channels, G.image_size, G.image_size)
    labels = () if G.classes is None else (torch.arange(n) % G.classes,)
    return torch.randn(n, *shape, dtype=dtype), labels


@pytest.mark.parametrize(("name", "image_size"), PAIRS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_range_in_float64(name, image_size, channels):
    G, D = small(name, image_size, channels)
    G.double(), D.double()
    arguments, labels = inputs(G, 3, torch.float64)
    images = G(arguments, *labels)
    for network in (G, D):
        assert (network.image_size, network.channels) == (image_size, channels)
        assert network.classes == (CLASSES if labels else None)
    assert images.shape == (3, channels, image_size, image_size)
    assert images.dtype == torch.float64
    assert images.abs().max() <= 1
    assert images.std() > 0
    scores = D(images, *labels)
    patches = () if name != "cyclegan" else (image_size // 8 - 2,) * 2
    assert scores.shape == (3, *patches)
    assert scores.dtype == torch.float64
    assert D(images[:1], *(each[:1] for each in labels)).shape == (1, *patches)


@pytest.mark.parametrize(("name", "image_size"), PAIRS)
def test_one_step_of_each_network_moves_every_parameter(name, image_size):
    G, D = small(name, image_size)
    for layer in (*G.modules(), *D.modules()):
        if isinstance(layer, Attention):  # what is behind a closed gate has no gradient
            torch.nn.init.constant_(layer.gate, 0.5)
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9))
    arguments, labels = inputs(G, 4)
    real = torch.rand(4, 3, image_size, image_size) * 2 - 1

    before = {name: p.detach().clone() for name, p in D.named_parameters()}
    fake = G(arguments, *labels).detach()
    # Labels of real and generated images differ, or the class embedding could cancel out.
    real_labels = [each.flip(0) for each in labels]
    loss = torch.relu(1 - D(real, *real_labels)).mean() + torch.relu(1 + D(fake, *labels)).mean()
    loss.backward()
    opt_D.step()
    assert loss.isfinite()
    assert silent(D, before) <= biases(D)

    before = {name: p.detach().clone() for name, p in G.named_parameters()}
    loss = -D(G(arguments, *labels), *labels).mean()
    loss.backward()
    opt_G.step()
    assert loss.isfinite()
    assert silent(G, before) <= biases(G)
    for p in (*G.parameters(), *D.parameters()):
        assert p.isfinite().all()
        assert p.grad.isfinite().all()


def silent(network, before):
    return {name for name, p in network.named_parameters() if p.equal(before[name])}


def biases(network):
    """Of weights: a normalisation may take them away, and scores inside the margin cancel."""
    return {f"{layer.name}.bias" for layer in maskable_layers(network)}


@pytest.mark.parametrize(("name", "image_size"), PAIRS)
def test_embeddings_gates_and_conditional_gains_are_never_masked(name, image_size):
    for network in small(name, image_size):
        weights = {layer.name for layer in maskable_layers(network, "weights")}
        by_adapt = {layer.name for layer in maskable_layers(network, "adapt")}
        by_stu_gan = {layer.name for layer in maskable_layers(network, "stu-gan")}
        assert not any("embedding" in name or "gate" in name for name in weights)
        excluded = {n for n in weights if n.endswith((".gain", ".bias")) or n == "classifier"}
        assert by_adapt == weights - excluded
        assert {n for n in weights if n.endswith("linear")} & by_stu_gan == set()


def test_none_is_the_published_width_and_latent_dimension():
    G, D = nets.build("sngan", image_size=32, channels=3)
    assert G.latent_dim == 128
    assert G.linear.weight.shape == (4 * 4 * 256, 128)
    assert D.linear.in_features == 128
    G, _ = small("biggan", 64)
    assert G.latent_dim == 100


@pytest.mark.parametrize(
    "setting", ["channels", "generator_width", "discriminator_width", "latent_dim", "classes"]
)
def test_a_count_below_one_is_named(setting):
    settings = {"image_size": 32, "channels": 3, setting: 0}
    with pytest.raises(SparseganError, match=f"{setting} is 0"):
        nets.build("dcgan", **settings)


def test_classes_belong_to_conditional_networks_alone():
    with pytest.raises(SparseganError, match="biggan makes images of a class: set classes"):
        nets.build("biggan", image_size=32, channels=3)
    with pytest.raises(SparseganError, match=r"sngan takes no labels: .* or choose biggan"):
        nets.build("sngan", image_size=32, channels=3, classes=10)


def test_a_network_from_images_to_images_has_no_noise():
    with pytest.raises(SparseganError, match="cyclegan makes images out of images"):
        nets.build("cyclegan", image_size=64, channels=3, latent_dim=128)
