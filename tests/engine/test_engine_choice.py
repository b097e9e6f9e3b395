import pytest
import torch
from torch import nn

from sparsegan import engine
from sparsegan.engine import Engine, Timing, choice
from sparsegan.errors import SparseganError
from sparsegan.sparsity import Masks

needs_kernels = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def table(masked=3.0, fixed=1.0, slope=10.0):
    return Timing(masked=masked, fixed=fixed, slope=slope, batch=4, threads=1, isa="portable")


def network():
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 3))


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))


def test_the_choice_is_a_pure_function_of_table_and_density():
    assert table().faster(0.1) == "native"
    assert table().faster(0.19) == "native"
    assert table().faster(0.21) == "masked"
    assert table(masked=100.0).faster(0.99) == "native"
    assert table(masked=100.0).faster(1.0) == "masked"


def test_a_moving_density_changes_the_choice():
    module = network()
    masks = Masks(module, 0.1)
    chosen = Engine(module, masks, lambda: False)
    chosen.timing = table()
    assert chosen.kernels == "native"
    masks.replace(torch.ones_like(masks.flat))
    assert chosen.kernels == "masked"
    assert chosen.reason == "the network is dense"


@needs_kernels
def test_it_measures_once_in_the_first_training_forward_and_leaves_no_trace(fresh):
    torch.manual_seed(0)
    module = network()
    chosen = Engine(module, Masks(module, 0.2), lambda: False)
    x = torch.randn(4, 1, 8, 8)
    module.eval()(x)
    assert chosen.timing is None
    module.train()
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    random = torch.get_rng_state()
    with torch.no_grad():
        module(x)
    assert chosen.timing is not None
    assert chosen.timing.batch == 4
    assert chosen.timing.masked > 0
    assert chosen.timing.slope >= 0
    assert torch.equal(random, torch.get_rng_state())
    # One forward has updated the statistics once: the measuring passes have not.
    assert int(module[1].num_batches_tracked) == int(before["1.num_batches_tracked"]) + 1
    assert all(p.grad is None for p in module.parameters())
    first = chosen.timing
    module(x)
    assert chosen.timing is first


@needs_kernels
def test_a_second_run_on_the_same_machine_decides_by_the_same_table(fresh):
    tables = []
    for _ in range(2):
        module = network()
        chosen = Engine(module, Masks(module, 0.2), lambda: False)
        module(torch.randn(4, 1, 8, 8))
        tables.append(chosen.timing)
    assert tables[0] == tables[1]


def test_the_state_carries_the_table():
    module = network()
    masks = Masks(module, 0.2)
    chosen = Engine(module, masks, lambda: False)
    chosen.timing = table()
    other = Engine(network(), masks, lambda: False)
    other.load_state_dict(chosen.state_dict())
    assert other.timing == chosen.timing
    assert other.kernels == chosen.kernels


def test_native_without_compiled_kernels_is_refused_and_auto_is_masked(monkeypatch):
    monkeypatch.setattr(choice, "available", lambda: False)
    module = network()
    masks = Masks(module, 0.2)
    with pytest.raises(SparseganError, match="not compiled"):
        engine.attach(module, masks, lambda: False, "native")
    chosen = engine.attach(module, masks, lambda: False, "auto")
    assert chosen.kernels == "masked"
    module(torch.randn(2, 1, 8, 8))
    assert chosen.timing is None


def test_an_unknown_choice_is_refused():
    module = network()
    with pytest.raises(SparseganError, match="auto, native, masked"):
        engine.attach(module, Masks(module, 0.2), lambda: False, "fast")
