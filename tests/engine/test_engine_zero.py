import pytest
import torch

from kernel_calls import kernel_calls
from sparsegan import engine
from sparsegan.engine import zero, zero_where_

needs_kernels = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@needs_kernels
@pytest.mark.parametrize("size", [(0,), (1,), (7, 5), (3, 4, 3, 3), (70_001,)])
def test_it_is_masked_fill_on_the_kernels(size):
    torch.manual_seed(0)
    x, places = torch.randn(size), torch.rand(size) < 0.4
    x[places] = float("nan")
    wanted = x.clone().masked_fill_(places, 0)
    version = x._version
    with kernel_calls() as calls:
        zero_where_(x, places)
    assert calls == {"zero_where": 1}
    assert torch.equal(x, wanted)
    assert x._version > version


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(4, 6, dtype=torch.float64),
        torch.randn(6, 4).t(),
        torch.arange(24).view(4, 6),
        torch.randn(6, dtype=torch.bfloat16).expand(4, 6).clone(),
    ],
)
def test_what_the_kernels_do_not_take_is_filled_all_the_same(x):
    places = torch.rand(x.shape) < 0.4
    wanted = x.masked_fill(places, 0)
    x = x.clone(memory_format=torch.preserve_format)
    if engine.available():
        with kernel_calls() as calls:
            zero_where_(x, places)
        assert not calls
    else:
        zero_where_(x, places)
    assert torch.equal(x, wanted)


def test_places_of_one_row_hold_for_all():
    x, places = torch.randn(4, 6), torch.rand(6) < 0.4
    wanted = x.masked_fill(places, 0)
    zero_where_(x, places)
    assert torch.equal(x, wanted)


def test_in_inference_mode_too():
    with torch.inference_mode():
        x, places = torch.randn(4, 6), torch.rand(4, 6) < 0.4
        wanted = x.masked_fill(places, 0)
        zero_where_(x, places)
        assert torch.equal(x, wanted)


def test_without_the_compiled_kernels(monkeypatch):
    monkeypatch.setattr(zero, "available", lambda: False)
    x, places = torch.randn(4, 6), torch.rand(4, 6) < 0.4
    wanted = x.masked_fill(places, 0)
    zero_where_(x, places)
    assert torch.equal(x, wanted)
