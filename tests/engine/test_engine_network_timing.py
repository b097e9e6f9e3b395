"""A network is timed as a whole, and left as it was."""

import importlib.util

import pytest
import torch
from torch import nn

from sparsegan.engine import network_timing
from sparsegan.engine.attach import NativeForward
from sparsegan.engine.network_timing import described, time_network
from sparsegan.sparsity import Masks


def attached():
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)
    )
    masks = Masks(network, 0.2)
    return network, masks, NativeForward(network, masks, lambda: False)


def test_the_network_and_its_gradients_are_left_as_they_were():
    network, _, native = attached()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    seconds = time_network(network, native, (torch.randn(4, 2, 6, 6),), {})
    assert seconds.shape == (4,)
    assert seconds.dtype == torch.float64
    assert bool((seconds[:2] > 0).all())
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_seconds_depend_on_is_told_apart():
    network, masks, _ = attached()
    x = torch.randn(4, 2, 6, 6)
    table = described(network, masks, (x,))
    assert table == described(network, masks, (torch.randn_like(x),))
    assert table != described(network, masks, (x[:2],))
    other = Masks(attached()[0], 0.3)
    assert table != described(network, other, (x,))


def test_another_forward_between_the_same_layers_is_told_apart(tmp_path):
    def own(forward):
        path = tmp_path / "own.py"
        path.write_text(
            "from torch import nn\n\n\n"
            "class Own(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.conv = nn.Conv2d(2, 2, 3, padding=1)\n\n"
            f"    def forward(self, x):\n        return {forward}\n"
        )
        spec = importlib.util.spec_from_file_location("own", path)
        module = importlib.util.module_from_spec(spec)
        exec(compile(path.read_text(), path, "exec"), module.__dict__)
        network = module.Own()
        return described(network, Masks(network, 0.5), (torch.randn(1, 2, 4, 4),))

    table = own("self.conv(x)")
    assert table == own("self.conv(x)")
    assert table != own("self.conv(self.conv(x))")


@pytest.mark.parametrize(
    ("density", "timed"), [(1.0, [0.5, 0.1]), (0.7, [0.5, 0.1]), (0.5, [0.1]), (0.2, [0.5])]
)
def test_a_dense_network_is_timed_as_the_sparse_one_that_it_may_become(monkeypatch, density, timed):
    network = nn.Sequential(nn.Conv2d(2, 16, 3, padding=1), nn.Conv2d(16, 8, 3))
    masks = Masks(network, density)
    native = NativeForward(network, masks, lambda: False)
    used, use = [], native.use_masks
    monkeypatch.setattr(native, "use_masks", lambda new: (used.append(new), use(new))[1])
    monkeypatch.setattr(network_timing, "medians", lambda jobs, seconds: [1.0] * len(jobs))
    time_network(network, native, (torch.randn(1, 2, 6, 6),), {})
    densities = [sum(int(mask.sum()) for mask in new.values()) / masks.total for new in used]
    assert densities == pytest.approx(timed, abs=0.05)
