"""Counts and cost tables of the published settings (docs/methods.md, A9 and A12)."""

import pytest
from published_settings import DENSITIES, SETTINGS, erk, is_masked, pair, setting_layers

from sparsegan import cost
from sparsegan.sparsity.maskable import maskable_layers

OFFSET = 1.0023  # of the recount over the printed row, docs/methods.md, D.9


@pytest.mark.parametrize(
    ("title", "rule", "counts"),
    [
        ("CIFAR-10 SNGAN", "adapt", (4_266_752, 1_052_544)),
        ("CIFAR-10 SNGAN", "stu-gan", (3_742_464, 1_052_416)),
        ("STL-10 SNGAN", "adapt", (4_855_488, 19_536_768)),
        ("CIFAR-10 BigGAN", "adapt", (4_266_752, 4_201_984)),
        ("CIFAR-10 BigGAN", "stu-gan", (3_742_464, 4_201_984)),
        ("TinyImageNet BigGAN", "adapt", (16_219_760, 30_533_280)),
    ],
)
def test_maskable_weights(title, rule, counts):
    networks, _ = pair(*SETTINGS[title][:3])
    masked = [maskable_layers(network, rule) for network in networks]
    assert tuple(sum(m.parameter.numel() for m in layers) for layers in masked) == counts


@pytest.mark.parametrize("title", SETTINGS)
def test_masked_layers_and_counted_layers_have_the_same_names_and_sizes(title):
    networks, counted = pair(*SETTINGS[title][:3])
    for network, layers in zip(networks, counted, strict=True):
        masked = {m.name: m.parameter.numel() for m in maskable_layers(network, "adapt")}
        assert masked == {c.name: c.weights for c in layers if is_masked(c)}


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (("biggan", 32, 10), (4_304_387, 4_207_361)),  # B5, of BigGAN-PyTorch
        (("biggan", 128, 1000), (70_433_988, 87_982_370)),  # of BigGAN-PyTorch at 96 channels
        (("cyclegan", 256), (11_378_179, 2_764_737)),  # printed by its code: 11.378 M, 2.765 M
    ],
)
def test_parameters(network, parameters):
    networks, counted = pair(*network)
    assert tuple(sum(p.numel() for p in n.parameters()) for n in networks) == parameters
    for layers, total in zip(counted, parameters, strict=True):
        assert sum(c.weights + c.other_parameters for c in layers) == total


@pytest.mark.parametrize(
    ("title", "operations", "units"),
    [
        ("CIFAR-10 SNGAN", (1.684e9, 2.725e8), (1e6, 1e5)),
        ("STL-10 SNGAN", (8.29e8, 6.18e8), (1e6, 1e6)),
        ("CIFAR-10 BigGAN", (1.683e9, 1.082e9), (1e6, 1e6)),
        ("TinyImageNet BigGAN", (3.09e9, 1.72e9), (1e7, 1e7)),
    ],
)
def test_operations_of_one_forward(title, operations, units):
    for layers, printed, unit in zip(setting_layers(title), operations, units, strict=True):
        counted = cost.forward(layers, convention="published")
        assert counted == pytest.approx(printed, abs=unit / 2)


def training(title, g_density=None, d_density=None, *, convention):
    g, d = setting_layers(title)
    g_densities = None if g_density is None else erk(g, g_density)
    d_densities = None if d_density is None else erk(d, d_density)
    return cost.training(
        cost.forward(g, g_densities, convention=convention),
        cost.forward(d, d_densities, convention=convention),
        **SETTINGS[title].run,
        convention=convention,
    )


@pytest.mark.parametrize(
    ("title", "convention", "total", "unit", "share"),
    [
        ("CIFAR-10 SNGAN", "published", 2.668e17, 1e14, 0.44),
        ("STL-10 SNGAN", "published", 3.947e17, 1e14, 0.15),
        ("CIFAR-10 BigGAN", "published", 6.804e17, 1e14, 0.17),
        ("TinyImageNet BigGAN", "published", 9.850e17, 1e14, 0.64),
        ("CIFAR-10 SNGAN", "consistent", 1.78e17, 1e15, 0.67),
        ("STL-10 SNGAN", "consistent", 1.93e17, 1e15, 0.30),
        ("CIFAR-10 BigGAN", "consistent", 3.99e17, 1e15, 0.30),
        ("TinyImageNet BigGAN", "consistent", 1.35e18, 1e16, 0.47),
    ],
)
def test_dense_training_total_and_the_generators_share(title, convention, total, unit, share):
    counted = training(title, convention=convention)
    assert counted == pytest.approx(total, abs=unit / 2)
    g = cost.forward(setting_layers(title)[0], convention=convention)
    of_g = cost.training(g, 0, **SETTINGS[title].run, convention=convention)
    assert of_g / counted == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("title", "printed"),
    [
        ("CIFAR-10 SNGAN", 2.67),
        ("STL-10 SNGAN", 3.94),  # 3.947 recounted: cut off, not rounded
        ("CIFAR-10 BigGAN", 6.81),
        ("TinyImageNet BigGAN", 9.85),
    ],
)
def test_dense_totals_as_printed(title, printed):
    assert training(title, convention="published") / 1e17 == pytest.approx(printed, abs=0.01)


def percent(title, *, strong, convention="published"):
    """Static-Balance or Static-Strong in percent of dense, one for each density."""
    dense = training(title, convention=convention)
    return [
        100 * training(title, d, 1.0 if strong else d, convention=convention) / dense
        for d in DENSITIES
    ]


@pytest.mark.parametrize(
    ("title", "recount", "printed"),
    [
        ("CIFAR-10 SNGAN", (8.97, 17.12, 26.22, 47.30), (8.97, 17.08, 26.25, 47.25)),
        ("STL-10 SNGAN", (27.23, 47.20, 59.25, 73.42), (27.30, 47.14, 59.22, 73.35)),
        ("CIFAR-10 BigGAN", (9.80, 19.05, 28.68, 49.06), (9.79, 19.02, 28.66, 49.03)),
        ("TinyImageNet BigGAN", (23.30, 44.88, 60.86, 79.32), (23.25, 44.87, 60.91, 79.29)),
    ],
)
def test_static_balance_row(title, recount, printed):
    counted = percent(title, strong=False)
    assert counted == pytest.approx(recount, abs=0.005)
    # The published masks are Bernoulli draws.
    assert counted == pytest.approx(printed, abs=0.08)


@pytest.mark.parametrize(
    ("title", "recount", "printed"),
    [
        ("CIFAR-10 SNGAN", (58.43, 61.08, 64.69, 74.78), (58.29, 60.94, 64.53, 74.61)),
        ("STL-10 SNGAN", (86.14, 86.96, 87.62, 88.85), (86.12, 86.94, 87.60, 88.84)),
        ("CIFAR-10 BigGAN", (83.79, 84.82, 86.23, 90.17), (83.78, 84.80, 86.21, 90.15)),
        ("TinyImageNet BigGAN", (48.05, 61.57, 72.76, 85.79), (48.02, 61.62, 72.79, 85.79)),
    ],
)
def test_static_strong_row(title, recount, printed):
    counted = percent(title, strong=True)
    assert counted == pytest.approx(recount, abs=0.005)
    offset = OFFSET if title == "CIFAR-10 SNGAN" else 1.0
    assert counted == pytest.approx([offset * share for share in printed], abs=0.05)


@pytest.mark.parametrize(
    ("strong", "shares"), [(False, (8.0, 15.2, 23.9, 45.7)), (True, (37.6, 41.6, 47.0, 62.2))]
)
def test_consistent_rows_of_sngan(strong, shares):
    counted = percent("CIFAR-10 SNGAN", strong=strong, convention="consistent")
    assert counted == pytest.approx(shares, abs=0.05)


@pytest.mark.parametrize(
    ("title", "which", "shares"),
    [
        ("CIFAR-10 SNGAN", 0, (0.064, 0.124, 0.205, 0.432)),
        ("CIFAR-10 SNGAN", 1, (0.110, 0.209, 0.308, 0.506)),
        ("STL-10 SNGAN", 0, (0.063, 0.118, 0.163, 0.246)),
        ("STL-10 SNGAN", 1, (0.309, 0.533, 0.667, 0.819)),
        ("CIFAR-10 BigGAN", 0, (0.064, 0.123, 0.205, 0.432)),
        ("CIFAR-10 BigGAN", 1, (0.105, 0.205, 0.304, 0.503)),
        ("TinyImageNet BigGAN", 0, (0.190, 0.401, 0.576, 0.779)),
        ("TinyImageNet BigGAN", 1, (0.309, 0.534, 0.668, 0.819)),
    ],
)
def test_relative_inference_cost_under_erk(title, which, shares):
    layers = setting_layers(title)[which]
    dense = cost.forward(layers, convention="published")
    counted = [cost.forward(layers, erk(layers, d), convention="published") for d in DENSITIES]
    assert [c / dense for c in counted] == pytest.approx(shares, abs=0.0006)


def test_erk_densities_of_sngans_layers_at_ten_percent():
    g, d = (erk(layers, 0.1) for layers in setting_layers("CIFAR-10 SNGAN"))
    for name, density in g.items():
        expected = {"linear": 0.381, "conv": 1.0}.get(name, 0.042)
        expected = 0.371 if name.endswith("shortcut") else expected
        assert density == pytest.approx(expected, abs=0.0005), name
    dense = {"block1.conv1", "block1.shortcut", "linear"}
    for name, density in d.items():
        expected = 1.0 if name in dense else 0.762 if name == "block2.shortcut" else 0.086
        assert density == pytest.approx(expected, abs=0.0005), name


def test_attention_is_counted_by_the_consistent_convention_alone():
    g, d = setting_layers("TinyImageNet BigGAN")
    places, pooled = 32 * 32, 16 * 16
    for layers, channels in ((g, 160), (d, 80)):
        actual = {c.name: c.products for c in layers if c.products}
        assert actual == {"attention": places * pooled * (channels // 8 + channels // 2)}
        published, consistent = (cost.forward(layers, convention=c) for c in cost.CONVENTIONS)
        assert consistent - published == actual["attention"]
