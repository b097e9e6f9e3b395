import json
from dataclasses import asdict

import pytest
from rich.console import Console

from sparsegan.cli import kernel_tables
from sparsegan.plan.measure import Measured
from sparsegan.report.kernels import LayerChoice

# 1 s + 20 s x density on native kernels.
TIMING = {"fixed": 1.0, "slope": 20.0, "masked": 6.0, "isa": "avx2", "threads": 2}
CONV = LayerChoice("conv", "8x4x3x3", 0.5, 1.0, 0.25, "native", "with the rest")
PLAIN = LayerChoice("linear", "", 1.0, None, None, "masked", "as told")


@pytest.fixture
def networks():
    return [
        Measured("generator", 0.3, "masked", "6999 ms against 6000 ms", TIMING, [CONV]),
        Measured("discriminator", 1.0, "masked", "as told", None, [PLAIN]),
    ]


def rows(networks):
    console = Console(width=120)
    with console.capture() as captured:
        console.print(kernel_tables.kernels_table(networks))
    return [" ".join(line.split()) for line in captured.get().splitlines()]


def test_a_line_for_each_network_says_why_it_takes_what(networks):
    first, second = kernel_tables.choices_text(networks).splitlines()
    assert first == "generator      6999 ms against 6000 ms → masked"
    assert second == "discriminator  as told → masked"


def test_the_table_has_networks_and_their_layers_in_milliseconds(networks):
    lines = rows(networks)
    assert lines[0] == "Kernels: ms of forward and gradients of a batch, avx2, 2 thread(s)"
    # 1 s + 20 s x 0.3 = 7 s, which 6 s masked are less than.
    assert "generator 30.0% 6,000 7,000 0.857 masked" in lines
    assert "conv 8x4x3x3 50.0% 1,000 250 4.00 native: with the rest" in lines
    assert "discriminator 100.0% – – – masked" in lines
    assert "linear 100.0% – – – masked: as told" in lines


def test_without_a_timed_network_no_machine_is_named(networks):
    assert rows(networks[1:])[0] == "Kernels: ms of forward and gradients of a batch"


def test_json_has_everything_and_the_ratio_of_each_layer(networks):
    printed = json.loads(json.dumps(kernel_tables.as_json(networks)))
    assert printed["generator"]["timing"] == TIMING
    assert printed["generator"]["layers"][0] == asdict(CONV) | {"ratio": 4.0}
    assert printed["discriminator"]["layers"][0]["ratio"] is None
