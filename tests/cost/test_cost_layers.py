import copy

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.utils import parametrizations

from sparsegan import cost, nets
from sparsegan.errors import SparseganError


def one(layer, *inputs):
    (counted,) = cost.layers(layer, *inputs)
    return counted


def brute_force_macs(layer, x):
    """Multiplications of one sample by hand: positions × weights that meet at each."""
    if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        positions = x[0, 0].numel()
    else:
        positions = layer(x)[0, 0].numel()
    return positions * layer.weight.numel()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_convolutions_of_every_dimension(kind, dims, groups):
    layer = getattr(nn, f"{kind}{dims}d")(4, 6, 3, stride=2, padding=1, groups=groups)
    x = torch.zeros(2, 4, *(7, 5, 6)[:dims])
    counted = one(layer, x)
    assert counted.name == "weight"
    assert counted.kind == f"{kind}{dims}d"
    assert counted.shape == tuple(layer.weight.shape)
    assert counted.weights == layer.weight.numel()
    assert counted.macs == brute_force_macs(layer, x)
    assert counted.bias_adds == layer(x)[0].numel()
    assert counted.other_parameters == 6


def test_linear_layers_count_every_position():
    counted = one(nn.Linear(4, 3, bias=False), torch.zeros(2, 5, 4))
    assert (counted.macs, counted.bias_adds, counted.other_parameters) == (5 * 4 * 3, 0, 0)


@pytest.mark.parametrize(
    ("norm", "ops"),
    [
        (nn.BatchNorm2d(4), 2),
        (nn.BatchNorm2d(4, affine=False), 0),
        (nn.InstanceNorm2d(4), 0),
        (nn.GroupNorm(2, 4), 2),
        (nn.LayerNorm((4, 5, 5)), 2),
    ],
)
def test_normalisations_are_entries_of_their_own(norm, ops):
    conv, counted = cost.layers(nn.Sequential(nn.Conv2d(3, 4, 1), norm), torch.zeros(1, 3, 5, 5))
    assert counted.name == "1"
    assert counted.kind == type(norm).__name__
    assert counted.norm_ops == ops * 4 * 5 * 5
    assert (counted.weights, counted.macs, counted.bias_adds) == (0, 0, 0)
    assert counted.other_parameters == sum(p.numel() for p in norm.parameters())
    assert conv.norm_ops == 0


@pytest.mark.parametrize("wrap", [nn.utils.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_in_both_forms_costs_what_the_plain_layer_does(wrap):
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 9, 2))
    normalised = copy.deepcopy(plain)
    wrap(normalised[0]), wrap(normalised[2])
    x = torch.zeros(1, 3, 5, 5)
    assert cost.layers(normalised, x) == cost.layers(plain, x)


class Labelled(nn.Module):
    """Needs labels, calls one layer twice, one never, draws noise and counts its calls."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.unused = nn.Linear(4, 4)
        self.gate = nn.Parameter(torch.zeros(()))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x, labels, scale):
        self.calls = self.calls + 1  # replaces the buffer
        x = x + self.embedding(labels)[:, :, None, None] + torch.randn_like(x)
        return self.conv(input=self.conv(x)) * self.gate * scale


def test_labels_repeated_calls_unused_layers_and_parameters_of_other_layers():
    net = Labelled()
    entries = cost.layers(net, torch.zeros(3, 4, 5, 5), torch.tensor([1, 2, 3]), 2.0)
    by_name = {c.name: c for c in entries}
    assert list(by_name) == ["weight", "embedding", "conv", "unused"]
    assert by_name["conv"].macs == 2 * 25 * net.conv.weight.numel()
    assert by_name["unused"].macs == 0
    assert by_name["embedding"].other_parameters == 40
    assert not any(m._forward_hooks for m in net.modules())
    assert net.calls == 0


@pytest.mark.parametrize("name", nets.NAMES)
def test_every_parameter_belongs_to_one_entry(name):
    classes = 3 if name in nets.CONDITIONAL else None
    widths = {"generator_width": 4, "discriminator_width": 4}
    G, D = nets.build(name, image_size=64, channels=3, classes=classes, **widths)
    x = torch.zeros(1, 3, 64, 64)
    labels = [] if classes is None else [torch.zeros(1, dtype=torch.int64)]
    for net, arguments in ((G, torch.zeros(1, G.latent_dim) if G.latent_dim else x), (D, x)):
        entries = cost.layers(net, arguments, *labels)
        total = sum(c.weights + c.other_parameters for c in entries)
        assert total == sum(p.numel() for p in net.parameters())


def test_on_the_meta_device_the_counts_are_the_same():
    G, _ = nets.build("biggan", image_size=64, channels=3, classes=3, generator_width=8)
    noise, labels = torch.zeros(1, 100), torch.zeros(1, dtype=torch.int64)
    counted = cost.layers(G, noise, labels)
    assert cost.layers(G.to("meta"), noise.to("meta"), labels.to("meta")) == counted


def test_wrappers_are_taken_off(without_gpu):
    net = nn.Sequential(nn.Linear(3, 2))
    x = torch.zeros(1, 3)
    bare = cost.layers(net, x)
    assert bare[0].name == "0"
    assert cost.layers(nn.DataParallel(net), x) == bare
    assert cost.layers(torch.compile(net, backend="eager"), x) == bare
    assert cost.layers(Fabric(accelerator="cpu", devices=1).setup_module(net), x) == bare


def test_without_an_example_it_asks_for_one():
    with pytest.raises(SparseganError, match="no example input"):
        cost.layers(nn.Linear(2, 2))


def test_moved_shortcuts_are_counted_where_the_published_network_has_them():
    G, D = nets.build("sngan", image_size=32, channels=3, generator_width=8, discriminator_width=8)
    for net, x, published in (
        (G, torch.zeros(1, 128), {"block1": 8, "block2": 16, "block3": 32}),
        (D, torch.zeros(1, 3, 32, 32), {"block2": 16}),
    ):
        as_published = {c.name: c for c in cost.layers(net, x)}
        as_run = {c.name: c for c in cost.layers(net, x, as_published=False)}
        moved = {name for name in as_run if as_run[name] != as_published[name]}
        assert moved == {f"{block}.shortcut" for block in published}
        for block, side in published.items():
            layer = f"{block}.shortcut"
            width = as_run[layer].shape[0]
            assert as_published[layer].macs == side**2 * width * width
            assert as_run[layer].macs * 4 == as_published[layer].macs
            assert as_run[layer].bias_adds * 4 == as_published[layer].bias_adds


def test_a_moved_shortcut_of_an_odd_map_is_counted_at_all_its_places():
    _, D = nets.build("sngan", image_size=48, channels=3, discriminator_width=4)
    by_name = {c.name: c for c in cost.layers(D, torch.zeros(1, 3, 48, 48))}
    last = by_name["blocks.4.shortcut"]
    assert last.macs == 3 * 3 * last.weights
    assert last.bias_adds == 3 * 3 * 64
    assert by_name["blocks.4.conv2"].macs == 3 * 3 * by_name["blocks.4.conv2"].weights
