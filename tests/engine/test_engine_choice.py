import copy
from dataclasses import asdict

import pytest
import torch
from torch import nn

from kernel_calls import dense_convolutions, kernel_calls
from sparsegan import engine
from sparsegan.engine import Engine, Timing, choice
from sparsegan.errors import SparseganError
from sparsegan.sparsity import Masks

needs_kernels = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


def table(masked=3.0, fixed=1.0, slope=10.0, **others):
    return Timing(
        masked=masked, fixed=fixed, slope=slope, batch=4, threads=1, isa="portable", **others
    )


def network():
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 3))


def runs_natively(module, x):
    """What a forward gives, and whether its convolutions ran on the native kernels."""
    with kernel_calls() as calls:
        result = module(x)
    assert result.is_contiguous()
    both = calls["convolve"], dense_convolutions(result)
    assert both in ((2, 0), (0, 2))
    return result, both == (2, 0)


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
    selected = Engine(module, masks, lambda: False)
    selected.timing = table()
    assert selected.kernels == "native"
    masks.replace(torch.ones_like(masks.flat))
    assert selected.kernels == "masked"
    assert selected.reason == "the network is dense"


@needs_kernels
def test_what_runs_is_what_the_table_says_at_every_density_and_in_any_order():
    module = network()
    masks = Masks(module, 1.0)
    selected = Engine(module, masks, lambda: False)
    selected.timing = table(masked=6.0, fixed=1.0, slope=10.0)
    x = torch.randn(3, 1, 9, 9)
    spread = torch.arange(masks.total) * 0.618 % 1
    for density in (1.0, 0.9, 0.5, 0.3, 0.1, 0.52, 0.48, 0.52, 1.0, 0.1):
        masks.replace(spread < density)
        native = masks.density < 0.5
        assert selected.kernels == ("native" if native else "masked")
        actual, ran = runs_natively(module, x)
        assert ran == native
        selected.wanted = "masked"
        assert torch.allclose(actual, module(x), rtol=1e-4, atol=1e-5)
        selected.wanted = "auto"


@pytest.mark.parametrize("faster", [False, True])
def test_masked_kernels_run_in_the_memory_format_that_is_faster(faster):
    module = network()
    selected = Engine(module, Masks(module, 0.9), lambda: False)
    seen = []
    module[3].register_forward_hook(lambda layer, args, result: seen.append(args[0]))
    state = selected.state_dict() | {"timing": asdict(table(masked=0.1, channels_last=faster))}
    selected.load_state_dict(state)
    module(torch.randn(4, 1, 8, 8))
    assert seen[0].is_contiguous(memory_format=torch.channels_last) == faster


def test_a_table_of_before_there_was_a_choice_of_format_is_in_channels_last():
    module = network()
    selected = Engine(module, Masks(module, 0.9), lambda: False)
    old = asdict(table())
    del old["channels_last"]
    selected.load_state_dict({"wanted": "auto", "timing": old})
    assert selected.timing == table(channels_last=True)


@needs_kernels
def test_it_measures_once_in_the_first_training_forward_and_leaves_no_trace(fresh):
    torch.manual_seed(0)
    module = network()
    selected = Engine(module, Masks(module, 0.2), lambda: False)
    x = torch.randn(4, 1, 8, 8)
    module.eval()(x)
    assert selected.timing is None
    module.train()
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    random = torch.get_rng_state()
    with torch.no_grad():
        module(x)
    assert selected.timing is not None
    assert selected.timing.batch == 4
    assert selected.timing.masked > 0
    assert selected.timing.slope >= 0
    assert torch.equal(random, torch.get_rng_state())
    # One forward has updated the statistics once: the measuring passes have not.
    assert int(module[1].num_batches_tracked) == int(before["1.num_batches_tracked"]) + 1
    assert all(p.grad is None for p in module.parameters())
    first = selected.timing
    module(x)
    assert selected.timing is first


@needs_kernels
def test_a_second_run_on_the_same_machine_decides_by_the_same_table(fresh):
    tables = []
    for _ in range(2):
        module = network()
        selected = Engine(module, Masks(module, 0.2), lambda: False)
        module(torch.randn(4, 1, 8, 8))
        tables.append(selected.timing)
    assert tables[0] == tables[1]


@needs_kernels
def test_a_network_is_measured_anew_on_demand_and_later_runs_find_that(fresh):
    module = network()
    selected = Engine(module, Masks(module, 0.2), lambda: False)
    assert selected.measurable
    x = torch.randn(4, 1, 8, 8)
    module(x)
    before = selected.timing
    after = selected.measure(x)
    assert selected.timing is after
    assert after != before
    again = Engine(network(), selected.masks, lambda: False)
    again.network(x)
    assert again.timing == after


@needs_kernels
def test_layers_are_timed_beside_the_network_and_decide_nothing(fresh):
    module = network()
    selected = Engine(module, Masks(module, 0.2), lambda: False, "native")
    rows = selected.time_layers(torch.randn(4, 1, 8, 8), seconds=0.001)
    assert [row.name for row in rows] == ["0", "3"]
    assert selected.layers is rows
    assert selected.timing is None
    assert runs_natively(module, torch.randn(4, 1, 8, 8))[1]


@needs_kernels
@pytest.mark.parametrize("wanted", ["auto", "native"])
def test_a_compiled_network_runs_as_compiled_in_one_graph(fresh, wanted):
    torch.manual_seed(0)
    module = network()
    plain = copy.deepcopy(module)
    masks = Masks(module, 0.1)
    Masks(plain, 1.0).replace(masks.flat)
    selected = Engine(module, masks, lambda: False, wanted)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    x = torch.randn(4, 1, 8, 8)
    if wanted == "auto":  # natively where it is not compiled
        selected.timing = table()
    assert runs_natively(module.eval(), x)[1]
    module.train()
    for _ in range(2):
        actual, right = (net(x) for net in (compiled, plain))
        assert torch.allclose(actual, right, atol=1e-6)
        actual.square().sum().backward()
        right.square().sum().backward()
        for p, q in zip(module.parameters(), plain.parameters(), strict=True):
            assert torch.allclose(p.grad, q.grad, atol=1e-5)
    assert selected.timing == (table() if wanted == "auto" else None)


def test_the_state_carries_the_table():
    module = network()
    masks = Masks(module, 0.2)
    selected = Engine(module, masks, lambda: False)
    selected.timing = table()
    other = Engine(network(), masks, lambda: False)
    other.load_state_dict(selected.state_dict())
    assert other.timing == selected.timing
    assert other.kernels == selected.kernels


def test_native_without_compiled_kernels_is_refused_and_auto_is_masked(monkeypatch):
    monkeypatch.setattr(choice, "available", lambda: False)
    module = network()
    masks = Masks(module, 0.2)
    with pytest.raises(SparseganError, match="not compiled"):
        engine.attach(module, masks, lambda: False, "native")
    selected = engine.attach(module, masks, lambda: False, "auto")
    assert selected.kernels == "masked"
    module(torch.randn(2, 1, 8, 8))
    assert selected.timing is None


def test_an_unknown_choice_is_refused():
    module = network()
    with pytest.raises(SparseganError, match="auto, native, masked"):
        engine.attach(module, Masks(module, 0.2), lambda: False, "fast")
