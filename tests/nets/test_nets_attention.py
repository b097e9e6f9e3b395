import pytest
import torch

from sparsegan.nets.attention import Attention


@pytest.fixture
def x():
    return torch.randn(2, 16, 6, 4, dtype=torch.float64)


def by_hand(attention, x):
    """Place by place, from the definition."""

    def project(layer, at):
        return layer.weight[:, :, 0, 0] @ at

    n, _, height, width = x.shape
    out = x.clone()
    corners = [(i, j) for i in range(0, height, 2) for j in range(0, width, 2)]
    for k in range(n):

        def pooled(layer, i, j, image=x[k]):
            places = [project(layer, image[:, i + a, j + b]) for a in (0, 1) for b in (0, 1)]
            return torch.stack(places).amax(0)

        keys = torch.stack([pooled(attention.key, i, j) for i, j in corners])
        values = torch.stack([pooled(attention.value, i, j) for i, j in corners])
        for i in range(height):
            for j in range(width):
                share = (keys @ project(attention.query, x[k, :, i, j])).softmax(0)
                out[k, :, i, j] += attention.gate * project(attention.out, share @ values)
    return out


def test_each_place_adds_what_it_attends_to(x):
    attention = Attention(16).double().eval()
    torch.nn.init.constant_(attention.gate, 0.7)
    torch.testing.assert_close(attention(x), by_hand(attention, x))


def test_the_gate_starts_closed_and_is_what_the_first_gradient_opens(x):
    attention = Attention(16).double()
    assert attention(x).equal(x)
    (attention(x) * torch.randn_like(x)).sum().backward()
    assert attention.gate.grad != 0
    assert not attention.out.parametrizations.weight.original.grad.any()


def test_widths_below_eight_keep_one_channel(x):
    attention = Attention(1).double()
    torch.nn.init.constant_(attention.gate, 1.0)
    assert not attention(x[:, :1]).equal(x[:, :1])
