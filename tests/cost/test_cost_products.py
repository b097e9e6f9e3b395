"""Products of activations, by hand and in the forms that PyTorch writes them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sparsegan import cost
from sparsegan.cost.products import counted_products

N, L, S, E, V = 2, 5, 3, 4, 6
BY_HAND = N * L * S * E + N * L * S * V


def separate(query, key, value):
    return torch.bmm(torch.bmm(query, key.mT).softmax(2), value)


def added(query, key, value):
    scores = torch.baddbmm(torch.zeros(N, L, S), query, key.mT)
    return torch.baddbmm(torch.zeros(N, L, V), scores.softmax(2), value)


def by_einsum(query, key, value):
    weights = torch.einsum("nle,nse->nls", query, key).softmax(2)
    return torch.einsum("nls,nsv->nlv", weights, value)


def at_sign(query, key, value):
    return (query @ key.mT).softmax(2) @ value


def fused(query, key, value):
    return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])


class Product(nn.Module):
    def __init__(self, product):
        super().__init__()
        self.product = product

    def forward(self, *tensors):
        return self.product(*tensors)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("product", [separate, added, by_einsum, at_sign, fused])
@torch.no_grad()
def test_attention_however_written(product, device):
    module = Product(product)
    with torch.device(device):
        tensors = torch.randn(N, L, E), torch.randn(N, S, E), torch.randn(N, S, V)
        with counted_products({"attention": module}) as actual:
            module(*tensors)
            module(*tensors)
        product(*tensors)  # outside of all layers, and outside of the block
    assert actual.activations == {"attention": 2 * BY_HAND}
    assert not module._forward_hooks
    assert not module._forward_pre_hooks


@torch.no_grad()
def test_the_kernel_of_equal_lengths_is_counted_too():
    module, x = Product(F.scaled_dot_product_attention), torch.randn(2, 3, 8, 16)
    with counted_products({"a": module}) as actual:
        module(x, x, x)
    assert actual.activations["a"] == 2 * (2 * 3 * 8 * 8 * 16)


class Nested(nn.Module):
    """A product of its own, a layer without products and a layer with one."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(E, E)
        self.inner = Product(separate)

    def forward(self, x):
        h = self.inner(x, self.linear(x), x)
        return torch.bmm(x.mT, h)


def test_a_product_belongs_to_the_innermost_layer_and_linear_layers_have_none():
    x = torch.randn(3, L, E)
    by_name = {c.name: c for c in cost.layers(Nested(), x)}
    assert {name: c.products for name, c in by_name.items()} == {
        "weight": E * L * E,
        "linear": 0,
        "inner": 2 * L * L * E,
    }
    assert by_name["inner"].kind == "Product"
    assert by_name["linear"].macs == L * E * E


def test_a_hook_of_the_outermost_layer_may_run_outside_of_it():
    layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    (counted,) = cost.layers(layer, torch.zeros(1, 3))
    assert (counted.macs, counted.products) == (6, 0)
