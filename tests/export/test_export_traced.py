import numpy as np
import pytest
import torch
from runtime_files import Own, file_of, thinned
from torch import nn
from torch.nn import functional as F
from toy_export import frozen, inputs

from needs import in_full
from sparsegan.export import Blueprint, write_packed
from sparsegan.export.graph import UnsupportedError
from sparsegan.export.traced import trace

runtime = pytest.importorskip("sparsegan_runtime")
Conv, Transposed = nn.Conv2d, nn.ConvTranspose2d

MAPS = {
    "convolution": (lambda m, x: m[0](x), Conv(4, 3, 3, padding=1)),
    "without padding": (lambda m, x: m[0](x), Conv(4, 3, 3)),
    "wide kernel": (lambda m, x: m[0](x), Conv(4, 3, 7, padding=3)),
    "long kernel": (lambda m, x: m[0](x), Conv(4, 3, (1, 5), padding=(0, 2))),
    "strides": (lambda m, x: m[0](x), Conv(4, 3, 3, stride=(2, 3), padding=1)),
    "dilation": (lambda m, x: m[0](x), Conv(4, 3, 3, padding=2, dilation=2)),
    "groups": (lambda m, x: m[1](m[0](x)), Conv(4, 6, 3, padding=1, groups=2), Conv(6, 3, 1)),
    "padding by name": (lambda m, x: m[0](x), Conv(4, 3, 4, padding="same")),
    "transposed": (lambda m, x: m[0](x), Transposed(4, 3, 4, 2, 1)),
    "transposed, output padding": (
        lambda m, x: m[0](x),
        Transposed(4, 3, 3, stride=2, padding=1, output_padding=1),
    ),
    "transposed, stride 3": (lambda m, x: m[0](x), Transposed(4, 3, 5, 3, 2)),
    "transposed, groups": (lambda m, x: m[0](x), Transposed(4, 2, 4, 2, 1, groups=2)),
    "transposed, stride 1": (lambda m, x: m[0](x), Transposed(4, 3, 3, 1, 0)),
    "folded norm": (
        lambda m, x: m[2](F.relu(m[1](m[0](x)))),
        *(Conv(4, 5, 3, padding=1), nn.BatchNorm2d(5), Conv(5, 3, 3, padding=1)),
    ),
    "norm, function, doubled": (
        lambda m, x: m[1](F.interpolate(F.leaky_relu(m[0](x), 0.2), scale_factor=2)),
        *(nn.BatchNorm2d(4), Conv(4, 3, 3, padding=1)),
    ),
    "tripled": (lambda m, x: m[0](F.interpolate(x, scale_factor=3)), Conv(4, 3, 3, padding=1)),
    "nearest to a size": (lambda m, x: F.interpolate(m[0](x), size=(9, 7)), Conv(4, 3, 1)),
    "bilinear": (
        lambda m, x: F.interpolate(m[0](x), scale_factor=2, mode="bilinear"),
        Conv(4, 3, 1),
    ),
    "bilinear, corners": (
        lambda m, x: F.interpolate(m[0](x), size=(7, 11), mode="bilinear", align_corners=True),
        Conv(4, 3, 1),
    ),
    "residual": (
        lambda m, x: m[1](x + m[0](F.relu(x))),
        *(Conv(4, 4, 3, padding=1), Conv(4, 3, 3, padding=1)),
    ),
    "doubled shortcut": (
        lambda m, x: (
            m[0](F.interpolate(x, scale_factor=2)) + F.interpolate(m[1](x), scale_factor=2)
        ),
        *(Conv(4, 3, 3, padding=1), Conv(4, 3, 1)),
    ),
    "two uses": (
        lambda m, x: m[1](F.silu(m[0](x))) * torch.sigmoid(m[0](x))[:, :3],
        *(Conv(4, 4, 3, padding=1), Conv(4, 3, 1)),
    ),
    "mean pool": (lambda m, x: F.avg_pool2d(m[0](x), 3, 2, 1), Conv(4, 3, 1)),
    "mean pool, uncounted": (
        lambda m, x: F.avg_pool2d(m[0](x), 3, 2, 1, count_include_pad=False),
        Conv(4, 3, 1),
    ),
    "max pool": (lambda m, x: F.max_pool2d(m[0](x), 2), Conv(4, 3, 1)),
    "squeeze and excite": (
        lambda m, x: m[1](x * torch.sigmoid(m[0](x.mean((2, 3)))).view(-1, 4, 1, 1)),
        *(nn.Linear(4, 4), Conv(4, 3, 1)),
    ),
    "squeeze and excite by convolutions": (
        lambda m, x: m[2](x * torch.sigmoid(m[1](F.relu(m[0](F.adaptive_avg_pool2d(x, 1)))))),
        *(Conv(4, 4, 1), Conv(4, 4, 1), Conv(4, 3, 1)),
    ),
    "a map of one place": (
        lambda m, x: m[1](F.leaky_relu(m[0](x), 0.2)),
        *(Conv(4, 8, 6), Transposed(8, 3, 6)),
    ),
    "a map of one column": (
        lambda m, x: m[1](torch.tanh(m[0](x))),
        *(Conv(4, 8, (3, 6), padding=(1, 0)), Transposed(8, 3, (1, 6))),
    ),
    "instance norm": (lambda m, x: F.instance_norm(m[0](x)), Conv(4, 3, 3, padding=1)),
    "group norm": (lambda m, x: m[1](m[0](x)), Conv(4, 4, 1), nn.GroupNorm(2, 4)),
    "reflection": (lambda m, x: m[0](x), Conv(4, 3, 3, padding=1, padding_mode="reflect")),
    "replication": (lambda m, x: m[0](x), Conv(4, 3, 3, padding=2, padding_mode="replicate")),
    "zeros on some sides": (lambda m, x: m[0](F.pad(x, (1, 0, 2, 0))), Conv(4, 3, 3)),
    "shuffle": (lambda m, x: F.pixel_shuffle(m[0](x), 2), Conv(4, 12, 3, padding=1)),
    "concatenation": (
        lambda m, x: m[1](torch.cat([x, m[0](x), x], 1)),
        *(Conv(4, 2, 3, padding=1), Conv(10, 3, 1)),
    ),
    "attention": (
        lambda m, x: m[1](
            (
                (m[0](x).flatten(2).transpose(1, 2) @ x.flatten(2)).softmax(-1)
                @ x.flatten(2).transpose(1, 2)
            )
            .transpose(1, 2)
            .reshape(x.shape)
        ),
        *(Conv(4, 4, 1), Conv(4, 3, 1)),
    ),
    "heads": (
        lambda m, x: m[0](
            F.scaled_dot_product_attention(*[x.view(-1, 2, 2, 36).transpose(2, 3)] * 3)
            .transpose(2, 3)
            .reshape(x.shape)
        ),
        Conv(4, 3, 1),
    ),
    "pixel norm": (
        lambda m, x: m[0](x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-8)),
        Conv(4, 3, 1),
    ),
    "learned slope": (lambda m, x: m[1](m[0](x)), nn.PReLU(4), Conv(4, 3, 1)),
    "arithmetic": (
        lambda m, x: torch.maximum(2 - m[0](x), m[0](x) / 3) - (1 + m[0](x).abs()) ** -0.5,
        Conv(4, 3, 1),
    ),
}
FUNCTIONS = (
    *(F.relu, F.leaky_relu, F.elu, F.selu, F.gelu, F.silu, F.softplus, F.mish, F.hardswish),
    *(F.hardsigmoid, torch.tanh, torch.sigmoid, torch.exp, torch.square),
    lambda x: F.gelu(x, approximate="tanh"),
    lambda x: x.clamp(-0.3, 0.4),
)


def all_sets():
    available = []
    for name in ("128 bits", "avx2", "avx512"):
        try:
            available.append(runtime._generator.instruction_set(name))
        except ValueError:
            continue
    return available


@pytest.fixture(params=all_sets())
def kernels(request):
    runtime._generator.instruction_set(request.param)
    yield request.param
    runtime._generator.instruction_set(all_sets()[-1])


def test_norms_of_large_maps_are_within_the_runtimes_limits():
    """A norm takes some operations for each of its numbers, and not as many as there are."""
    network = thinned(
        Own(
            lambda m, z: m[2](m[1](F.interpolate(m[0](z.view(-1, 4, 6, 6)), scale_factor=22))),
            *(Conv(4, 64, 1), nn.GroupNorm(2, 64), Conv(64, 3, 1)),
        )
    )
    z = torch.randn(1, 144, generator=torch.Generator().manual_seed(1))
    images = runtime.Generator(file_of(network, (z,)))(z.numpy())
    np.testing.assert_allclose(images, network(z).numpy(), atol=1e-3)


@pytest.mark.parametrize("name", MAPS)
def test_every_operation_gives_what_pytorch_gives(name):
    function, *layers = MAPS[name]
    network = thinned(Own(lambda m, z: function(m, z.view(-1, 4, 6, 6)), *layers))
    z = torch.randn(2, 144, generator=torch.Generator().manual_seed(1))
    data, expected = file_of(network, (z[:1],)), network(z).numpy()
    for instructions in all_sets():
        runtime._generator.instruction_set(instructions)
        images = runtime.Generator(data)(z.numpy())
        assert np.abs(images - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def test_functions_are_exact_to_a_few_roundings(kernels):
    z = torch.linspace(-12, 12, 4 * 401).view(4, 401)
    for function in FUNCTIONS:
        network = thinned(Own(lambda m, z, f=function: f(z * 1).view(-1, 1, 1, 401)))
        images = runtime.Generator(file_of(network, (z[:1],)))(z.numpy())
        expected = network(z).numpy()
        assert (np.abs(images - expected) <= 1e-6 * np.maximum(1, np.abs(expected))).all()


@pytest.mark.parametrize("width", [1, 3, 4, 7, 8, 12, 14, 16, 28, 32, 33, 48])
def test_maps_of_any_width(width, kernels):
    # Enough outputs that inputs are laid down in shifted copies, where the kernels have them.
    first, second = Conv(3, 40, 3, padding=1), Conv(40, 3, 3, padding=1)
    network = Own(
        lambda m, z: m[1](F.interpolate(F.relu(m[0](z.view(-1, 3, 5, width))), scale_factor=2)),
        *(first, second),
    )
    thinned(network, density=0.9)
    z = torch.randn(1, 15 * width, generator=torch.Generator().manual_seed(1))
    images = runtime.Generator(file_of(network, (z,)))(z.numpy())
    expected = network(z).numpy()
    assert np.abs(images - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("width", [8, 14, 16, 30, 32])
@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
def test_shifted_copies_of_maps_that_become_wider_are_whole(width, kernel, kernels):
    z = torch.randn(1, 12 * width, generator=torch.Generator().manual_seed(1))
    for wider in (Conv(3, 40, kernel, padding=kernel - 1), Transposed(3, 40, kernel, 1, 0)):
        network = Own(
            lambda m, z: m[1](m[0](z.view(-1, 3, 4, width))),
            *(wider, Conv(40, 3, 1)),
        )
        thinned(network, density=0.9)
        images = runtime.Generator(file_of(network, (z,)))(z.numpy())
        expected = network(z).numpy()
        assert np.abs(images - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("function", [torch.tanh, F.silu, F.relu])
@pytest.mark.parametrize(("height", "width"), [(8, 6), (6, 8), (8, 10), (10, 14), (4, 18), (8, 30)])
def test_shifted_copies_of_maps_of_any_width_keep_apart(height, width, function, kernels):
    network = Own(
        lambda m, z: m[2](m[1](function(m[0](z.view(-1, 3, height, width))))),
        *(Conv(3, 4, 1), Conv(4, 40, 3), Conv(40, 3, 1)),
    )
    thinned(network, density=0.9)
    z = torch.randn(1, 3 * height * width, generator=torch.Generator().manual_seed(1))
    images = runtime.Generator(file_of(network, (z,)))(z.numpy())
    expected = network(z).numpy()
    assert np.abs(images - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (1, 3), (3, 1), (4, 4)])
@pytest.mark.parametrize(
    ("channels", "height", "width"), [(4, 1, 1), (5, 2, 3), (6, 8, 8), (70, 5, 33), (3, 16, 20)]
)
def test_a_convolution_writes_where_the_next_one_reads(kernel, channels, height, width, kernels):
    # Many channels, so that they go in blocks, and the last block alone ends with ReLU.
    def convolution():
        return Conv(channels, channels, kernel, padding="same")

    def function(m, z):
        x = z.view(-1, channels, height, width)
        x = x + m[1](F.relu(m[0](x)))
        return m[4](F.relu(m[3](F.relu(m[2](x)))))

    layers = convolution(), convolution(), nn.BatchNorm2d(channels), convolution()
    network = Own(function, *layers, Conv(channels, 3, kernel, padding="same"))
    thinned(network, density=0.1 if channels > 9 else 0.5)
    z = torch.randn(1, channels * height * width, generator=torch.Generator().manual_seed(1))
    generator = runtime.Generator(file_of(network, (z,)))
    expected = network(z).numpy()
    for _ in range(2):
        assert np.abs(generator(z.numpy()) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_learned_constant_and_classes():
    class Styled(nn.Module):
        def __init__(self):
            super().__init__()
            self.constant = nn.Parameter(torch.randn(1, 4, 4, 4))
            self.scale = nn.Parameter(torch.randn(4, 1, 1))
            self.embedding = nn.Embedding(5, 8)
            self.style = nn.Linear(16, 4)
            self.conv = nn.Conv2d(4, 3, 3, padding=1)

        def forward(self, z, labels):
            style = self.style(torch.cat([z, self.embedding(labels)], 1))
            x = self.constant.expand(len(z), -1, -1, -1) * (1 + style[:, :, None, None])
            return self.conv(x * self.scale).tanh()

    network = thinned(Styled(), density=0.8)
    z, labels = torch.randn(5, 8), torch.arange(5)
    generator = runtime.Generator(file_of(network, (z[:1], labels[:1])))
    images = generator(z.numpy(), labels.numpy())
    assert np.abs(images - network(z, labels).numpy()).max() <= 1e-5
    assert generator.classes == 5


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize(
    "blueprint",
    [
        Blueprint("dcgan", 28, 1, width=4, latent_dim=16),
        Blueprint("sngan", 32, 3, width=8, latent_dim=16),
        Blueprint("biggan", 32, 3, width=4, latent_dim=16, classes=5),
        *in_full(
            Blueprint("dcgan", 32, 3, width=4, latent_dim=16),
            Blueprint("dcgan", 48, 3, width=4, latent_dim=16),
            Blueprint("dcgan", 64, 3, width=4, latent_dim=16),
            Blueprint("sngan", 48, 3, width=4, latent_dim=16),
            Blueprint("sngan", 64, 3, width=4, latent_dim=16),
            Blueprint("biggan", 64, 3, width=8, latent_dim=10, classes=5),
            Blueprint("biggan", 128, 3, width=4, latent_dim=12, classes=5),
        ),
    ],
    ids=lambda b: f"{b.network}{b.image_size}",
)
def test_every_architecture_is_drawn_as_pytorch_draws_it(tmp_path, blueprint, granularity):
    original = frozen(blueprint, 0.2, granularity)
    for name, parameter in original.generator.named_parameters():
        if name.endswith("gate"):
            parameter.fill_(0.7)
    assert write_packed(original, tmp_path / "g.safetensors") is None
    x = inputs(blueprint, 3)
    images = runtime.load(tmp_path / "g.safetensors")(*(each.numpy() for each in x))
    assert np.abs(images - original.generator(*x).numpy()).max() <= 1e-5


def test_images_from_images(tmp_path):
    network = thinned(Own(lambda m, x: F.instance_norm(m[0](x)).tanh(), Conv(3, 3, 3, padding=1)))
    x = torch.randn(2, 3, 8, 8)
    generator = runtime.Generator(file_of(network, (x[:1],)))
    assert generator.latent_dim == 0
    assert np.abs(generator(x.numpy()) - network(x).numpy()).max() <= 1e-5
    with pytest.raises(ValueError, match="out of images"):
        generator.sample(2)


REFUSED = {
    "uses aten.cumsum|cumsum": lambda m, z: z.cumsum(1).view(-1, 1, 2, 4),
    "mixes the images": lambda m, z: (z - z.mean(0)).view(-1, 1, 2, 4),
    "cannot export": lambda m, z: z.view(-1, 1, 2, 4) if z.sum() > 0 else -z.view(-1, 1, 2, 4),
    "power 3": lambda m, z: (z**3).view(-1, 1, 2, 4),
    "one tensor of images": lambda m, z: (z.view(-1, 1, 2, 4), z),
    "computes in int32": lambda m, z: z.to(torch.int32).float().view(-1, 1, 2, 4),
    "computes in float16": lambda m, z: z.half().float().view(-1, 1, 2, 4),
    "computes in float64": lambda m, z: z.double().float().view(-1, 1, 2, 4),
    "divides and rounds": lambda m, z: (
        torch.div(z, 0.5, rounding_mode="floor") + torch.div(z, z + 9, rounding_mode="trunc")
    ).view(-1, 1, 2, 4),
    "drops values at random": lambda m, z: F.dropout(z, 0.5, True).view(-1, 1, 2, 4),
    "uses leaky_relu in a way that the runtime": lambda m, z: (z * F.leaky_relu(m[0].bias)).view(
        -1, 1, 2, 4
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_the_runtime_does_not_have_is_named(why):
    with pytest.raises(UnsupportedError, match=why):
        trace(Own(REFUSED[why], nn.Linear(8, 8)).eval(), (torch.zeros(1, 8),))


@pytest.mark.parametrize(
    "function",
    [
        lambda m, z: m[0](z).view(-1, 1, 2, 4) * (m[0].bias * m[1].bias).view(1, 1, 2, 4),
        lambda m, z: F.linear(z, m[0].weight * 0.3).view(-1, 1, 2, 4),
        lambda m, z: (z * F.leaky_relu(m[0].bias)).view(-1, 1, 2, 4),
        lambda m, z: (z * m[0].weight[:, 0]).view(-1, 1, 2, 4),
        lambda m, z: F.conv2d(z.view(-1, 8, 1, 1), m[0].weight[:, :, None, None] * 0.3),
    ],
)
def test_computed_weights_are_refused_in_a_sentence(function):
    network = thinned(Own(function, nn.Linear(8, 8), nn.Linear(8, 8)))
    with pytest.raises(UnsupportedError, match=r"^it uses \w+ in a way that the runtime"):
        file_of(network, (torch.zeros(1, 8),))


def test_labels_of_another_integer_type_and_dropout_that_does_nothing_are_no_matter():
    network = thinned(
        Own(
            lambda m, z, y: m[1](z.to(torch.float32) * m[0](y.to(torch.int32))).view(-1, 1, 2, 4),
            *(nn.Embedding(3, 8), nn.Dropout(0.5)),
        )
    )
    z, labels = torch.randn(3, 8), torch.arange(3)
    images = runtime.Generator(file_of(network, (z[:1], labels[:1])))(z.numpy(), labels.numpy())
    assert np.abs(images - network(z, labels).numpy()).max() <= 1e-6


def test_the_network_and_random_numbers_are_as_before():
    network = thinned(Own(lambda m, z: m[0](z).view(-1, 1, 2, 2), nn.Linear(8, 4)))
    before, state = network.layers[0].weight.clone(), torch.get_rng_state()
    trace(network, (torch.zeros(1, 8),))
    assert torch.equal(before, network.layers[0].weight)
    assert torch.equal(state, torch.get_rng_state())
