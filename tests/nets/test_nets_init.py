import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from sparsegan import nets
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream


def pair(global_seed=0):
    torch.manual_seed(global_seed)
    widths = {"generator_width": 4, "discriminator_width": 4}
    return nets.build("biggan", image_size=64, channels=3, classes=3, **widths)


def same(a, b):
    return all(x.equal(y) for x, y in zip(a.values(), b.values(), strict=True))


@pytest.mark.parametrize("scheme", nets.SCHEMES)
def test_everything_is_a_function_of_the_generator(scheme):
    for one, other in zip(pair(1), pair(2), strict=True):
        arguments = (4, 100) if isinstance(other, nets.Generator) else (4, 3, 64, 64)
        other(torch.randn(arguments), torch.tensor([0, 1, 2, 0]))
        with torch.no_grad():
            other.attention.gate.fill_(1)
        assert not same(one.state_dict(), other.state_dict())
        global_state = torch.get_rng_state()
        nets.initialise(one, scheme, stream(7, "init"))
        nets.initialise(other, scheme, stream(7, "init"))
        assert torch.get_rng_state().equal(global_state)
        # Batch normalisation's count of batches is reset, too: state dicts are equal throughout.
        assert same(one.state_dict(), other.state_dict())
        nets.initialise(other, scheme, stream(8, "init"))
        assert not same(one.state_dict(), other.state_dict())


def test_default_draws_are_uniform_within_pytorchs_bounds():
    layer = nn.ConvTranspose2d(32, 64, 4)
    nets.initialise(layer, "default", stream(0))
    bound = 1 / math.sqrt(64 * 16)  # PyTorch takes the second dimension as the inputs
    for values, tolerance in ((layer.weight, 0.01), (layer.bias, 0.35)):
        assert values.abs().max() <= bound
        assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=tolerance)
    reference = nn.ConvTranspose2d(32, 64, 4)
    assert layer.weight.std().item() == pytest.approx(reference.weight.std().item(), rel=0.02)


def test_xavier_is_for_convolutions_and_default_for_the_rest():
    conv, linear = nn.Conv2d(32, 64, 3), nn.Linear(400, 100)
    nets.initialise(nn.Sequential(conv, linear), "xavier", stream(0))
    bound = math.sqrt(6 / (9 * (32 + 64)))
    assert bound * 0.99 < conv.weight.abs().max() <= bound
    assert conv.bias.abs().max() <= 1 / math.sqrt(32 * 9)
    assert 0.99 / 20 < linear.weight.abs().max() <= 1 / 20


def test_normal_has_the_papers_deviation():
    conv, linear = nn.Conv2d(32, 64, 3), nn.Linear(400, 100)
    nets.initialise(nn.Sequential(conv, linear), "normal", stream(0))
    for layer in (conv, linear):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)


def test_kaiming_has_two_over_fan_in_and_zero_biases():
    conv, linear = nn.Conv2d(32, 64, 3), nn.Linear(400, 100)
    nets.initialise(nn.Sequential(conv, linear), "kaiming", stream(0))
    for layer, fan_in in ((conv, 32 * 9), (linear, 400)):
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
        assert not layer.bias.any()


@pytest.mark.parametrize(
    "layer", [nn.Linear(5, 9), nn.Conv2d(2, 40, 3), nn.Conv2d(7, 4, 3), nn.Embedding(3, 8)]
)
def test_orthogonal_matrices_and_zero_biases(layer):
    nets.initialise(layer, "orthogonal", stream(0))
    matrix = layer.weight.flatten(1)
    matrix = matrix if matrix.size(0) < matrix.size(1) else matrix.mT
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(matrix.size(0)))
    assert not any(b.any() for name, b in layer.named_parameters() if name == "bias")


@pytest.mark.parametrize(
    ("scheme", "deviation"), [("default", 1), ("xavier", 1), ("kaiming", 1), ("normal", 0.02)]
)
def test_embeddings_are_normal(scheme, deviation):
    layer = nn.Embedding(200, 50)
    nets.initialise(layer, scheme, stream(0))
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("scheme", nets.SCHEMES)
def test_singular_vectors_belong_to_the_new_weights(scheme):
    layer = parametrizations.spectral_norm(nn.Conv2d(8, 12, 3))
    nets.initialise(layer, scheme, stream(3))
    layer.eval()
    original = layer.parametrizations.weight.original.flatten(1)
    # 15 power iterations from a random start: near the norm, never above it.
    sigma = layer.parametrizations.weight[0]
    estimate = sigma._u @ original @ sigma._v
    true = torch.linalg.matrix_norm(original, 2)
    assert 0.95 * true < estimate <= true * (1 + 1e-6)
    torch.testing.assert_close(layer.weight.flatten(1), original / estimate)
    torch.testing.assert_close(sigma._u.norm(), torch.tensor(1.0))
    torch.testing.assert_close(sigma._v.norm(), torch.tensor(1.0))


def test_what_it_cannot_draw_is_refused_by_name():
    with pytest.raises(SparseganError, match="no initialisation 'orthonormal'"):
        nets.initialise(nn.Linear(2, 2), "orthonormal", stream(0))
    with pytest.raises(SparseganError, match=r"layer '1' \(PReLU\)"):
        nets.initialise(nn.Sequential(nn.ReLU(), nn.PReLU()), "default", stream(0))
    with pytest.raises(SparseganError, match="not the older"):
        nets.initialise(nn.utils.spectral_norm(nn.Linear(3, 2)), "default", stream(0))
    with pytest.raises(SparseganError, match="set these weights yourself"):
        nets.initialise(parametrizations.orthogonal(nn.Linear(3, 3)), "default", stream(0))
