from dataclasses import replace

import pytest
from synthetic_run import engine_row

from sparsegan.record.events import Kernels, LayerSeconds
from sparsegan.record.fields import reader
from sparsegan.report.kernels import kernels_section, layer_choices
from well_formed import check

seconds = reader(LayerSeconds)
LAYERS = tuple(seconds(engine_row(name, "Conv2d", 64)) for name in ("conv", "output"))
SHORTCUT = seconds(engine_row("shortcut", "Conv2d", 64))


def choice(kernels, measured=True):
    return Kernels(
        step=0,
        network="generator",
        kernels=kernels,
        reason="as told",
        timing={"masked": 1.0} if measured else None,
        layers=LAYERS,
    )


def test_a_layer_goes_with_its_network_and_says_whether_it_is_faster_alone():
    densities = {"conv": 0.25, "output": 0.1}
    conv, output = layer_choices(choice("native"), LAYERS, densities)
    assert (conv.masked, conv.native) == pytest.approx((4e-3, 1e-3))
    assert conv.ratio == pytest.approx(4.0)
    assert (conv.kernels, conv.reason) == ("native", "faster")
    assert (output.kernels, output.reason) == ("native", "with the rest")
    conv, output = layer_choices(choice("masked"), LAYERS, densities)
    assert (conv.kernels, conv.reason) == ("masked", "with the rest")
    assert (output.kernels, output.reason) == ("masked", "faster")


def test_a_layer_that_is_not_masked_is_dense():
    (conv, _) = layer_choices(choice("native"), LAYERS, {})
    assert conv.density == 1.0
    assert conv.native == pytest.approx(2.5e-3)


def test_a_dense_linear_layer_takes_no_longer_in_a_native_network():
    linear = seconds(engine_row("linear", "Linear", 64))
    (row,) = layer_choices(choice("native"), [linear], {})
    assert row.native == row.masked == pytest.approx(4e-3)
    assert (row.kernels, row.reason) == ("native", "as fast")
    (row,) = layer_choices(choice("native"), [linear], {"linear": 0.5})
    assert row.native == pytest.approx(1.5e-3)


def test_a_layer_that_native_kernels_cannot_compute_is_masked_in_any_network():
    (row,) = layer_choices(choice("native"), (SHORTCUT,), {})
    assert (row.kernels, row.reason, row.native, row.ratio) == ("masked", "3 groups", None, None)


def test_what_was_not_measured_has_the_reason_of_the_network():
    rows = layer_choices(choice("native", measured=False), LAYERS, {})
    assert {row.reason for row in rows} == {"as told"}
    (row,) = layer_choices(choice("masked"), [LayerSeconds("conv")], {"conv": 0.5})
    assert (row.kernels, row.reason, row.density, row.masked) == ("masked", "as told", 0.5, None)


def test_the_section_tells_networks_and_layers(run):
    text = check(kernels_section([run])).text
    assert "0 generator native 12.0 ms native against 30.0 ms masked" in text
    density = run.layer_densities("generator")["block1.conv1"]
    assert 0 < density < 1
    native = 0.5 + 2 * density
    row = f"block1.conv1 36864x16 native faster {100 * density:.1f} % 4.00 {native:.3g}"
    assert row in text
    assert "block1.shortcut 4096x16 masked 3 groups" in text


def test_without_a_table_each_layer_goes_with_its_network(run, bare):
    assert kernels_section([bare]) == ""
    bare.start = run.start
    bare.kernels.append(replace(choice("masked", measured=False), layers=None))
    text = check(kernels_section([bare])).text
    assert "block1.conv1 masked as told" in text
    assert "Discriminator" not in text


def test_several_runs_are_folded(run, other):
    text = kernels_section([run, other])
    check(text)
    assert f"<summary>{run.label}</summary>" in text
