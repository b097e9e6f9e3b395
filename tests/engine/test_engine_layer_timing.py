import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from sparsegan import engine
from sparsegan.engine import layer_timing
from sparsegan.engine.layer_timing import time_layers
from sparsegan.engine.timing import Fit
from sparsegan.undisturbed import undisturbed

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))


@pytest.fixture
def measured(monkeypatch):
    """The calls that are timed, each of which takes one second on any kernels."""
    calls = []

    def measure(inputs, *_):
        calls.extend(inputs)
        return torch.tensor([[1.0, 0.25, 0.75]] * len(inputs), dtype=torch.float64)

    monkeypatch.setattr(layer_timing, "_measure", measure)
    return calls


class Odd(nn.Module):
    """Layers that the kernels take, and one of each kind that they do not."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 64)
        self.up = spectral_norm(nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1))
        self.twice = nn.Conv2d(6, 6, 3, padding=1)
        self.alike = nn.Conv2d(6, 6, 3, padding=1)
        self.grouped = nn.Conv2d(6, 6, 3, padding=1, groups=3)
        self.dilated = nn.Conv2d(6, 6, 3, padding=2, dilation=2)
        self.reflected = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.same = nn.Conv2d(6, 6, 3, padding="same")
        self.flat = nn.Conv1d(6, 2, 3)
        self.tokens = nn.Linear(2, 3)
        self.spare = nn.Linear(2, 2)

    def forward(self, z):
        h = self.up(self.linear(z).unflatten(1, (4, 4, 4)))
        h = self.alike(self.twice(self.twice(h)))
        h = self.grouped(h) + self.dilated(h) + self.reflected(h) + self.same(h)
        return self.tokens(self.flat(h.flatten(2)).transpose(1, 2))


def test_each_layer_is_listed_with_its_shape_its_input_and_why_it_is_not_timed(measured):
    actual = {row.name: row for row in time_layers(Odd(), (torch.randn(2, 5),))}
    assert actual["linear"].input == (2, 5)
    assert (actual["up"].kind, actual["up"].shape) == ("ConvTranspose2d", (4, 6, 4, 4))
    assert actual["twice"].input == (2, 6, 8, 8)
    assert actual["grouped"].shape == (6, 2, 3, 3)
    reasons = {name: row.unsupported for name, row in actual.items() if row.fit is None}
    assert list(reasons) == ["grouped", "dilated", "reflected", "same", "flat", "tokens", "spare"]
    assert reasons["grouped"] == "3 groups"
    assert reasons["dilated"] == "dilation 2"
    assert "reflect" in reasons["reflected"]
    assert "same" in reasons["same"]
    assert "Conv1d" in reasons["flat"]
    assert reasons["tokens"] == "an input of 3 dimensions"
    assert (reasons["spare"], actual["spare"].input) == ("not called", ())


def test_equal_calls_are_timed_once_and_a_layer_counts_all_of_its_calls(measured):
    actual = {row.name: row for row in time_layers(Odd(), (torch.randn(2, 5),))}
    assert len(measured) == len({"linear", "up", "twice and alike"})
    assert actual["alike"].fit == Fit(1.0, 0.25, 0.75)
    assert actual["twice"].fit == Fit(2.0, 0.5, 1.5)


def test_another_type_of_numbers_is_no_call_for_native_kernels(measured):
    (row,) = time_layers(nn.Linear(3, 4).double(), (torch.randn(2, 3).double(),))
    assert (row.name, row.unsupported) == ("weight", "an input in float64")
    assert measured == []


def test_dense_kernels_are_timed_in_the_format_that_they_run_in(monkeypatch):
    module, x, seen = nn.Conv2d(2, 3, 3), torch.randn(4, 2, 8, 8), []

    def conv2d(x, *rest):
        seen.append(x.is_contiguous(memory_format=torch.channels_last))
        return torch.conv2d(x, *rest)

    monkeypatch.setitem(layer_timing._DENSE, "conv2d", conv2d)
    for last in (False, True):
        time_layers(module, (x,), channels_last=last, seconds=0.001)
        assert set(seen) == {last}
        seen.clear()


@pytest.mark.parametrize("blocks", [False, True])
def test_layers_are_timed_and_the_network_is_left_as_it_was(blocks):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(3, 32),
        nn.Unflatten(1, (2, 4, 4)),
        nn.BatchNorm2d(2),
        nn.ConvTranspose2d(2, 5, 4, stride=2, padding=1, output_padding=1, bias=False),
        spectral_norm(nn.Conv2d(5, 8, 3, stride=2)),
    )
    state = {name: value.clone() for name, value in module.state_dict().items()}
    random = torch.get_rng_state()
    rows = time_layers(module, (torch.randn(6, 3, generator=torch.Generator()),), seconds=0.001)
    assert [row.name for row in rows] == ["0", "3", "4"]
    for row in rows:
        assert row.fit.masked > 0
        assert row.fit.native(0.5) > 0
        assert row.fit.slope >= 0
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
    with undisturbed(module):
        assert module(torch.randn(6, 3)).shape == (6, 8, 4, 4)


def test_blocks_of_a_transposed_convolution_are_timed_as_they_run(monkeypatch):
    grouped = []

    class Index(layer_timing.SparseIndex):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            grouped.append(self.grouped)

    monkeypatch.setattr(layer_timing, "SparseIndex", Index)
    module = nn.ConvTranspose2d(8, 12, 4, stride=2, padding=1)
    time_layers(module, (torch.randn(2, 8, 4, 4),), blocks=True, seconds=0.001, anew=True)
    assert grouped == [True, True]


def test_a_second_table_on_the_same_machine_is_the_first_one():
    module, x = nn.Conv2d(2, 3, 3), torch.randn(4, 2, 8, 8)
    first = time_layers(module, (x,), seconds=0.001)
    assert time_layers(module, (x,), seconds=0.001) == first
    assert time_layers(module, (x,), seconds=0.001, anew=True) != first
