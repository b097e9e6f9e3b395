import re

import pytest
from rich.console import Console

from sparsegan.cli import cost_tables
from sparsegan.cost import LayerCost
from sparsegan.plan.plan import Plan
from sparsegan.record import events, run_cost
from sparsegan.record.run_cost import GameLayers
from tiny_run import config as tiny

LAYERS = [
    GameLayers(
        None,
        {
            "generator": [
                LayerCost("first", "Linear", (5, 2), 10, 100, 0, 0, 3),
                LayerCost("norm", "BatchNorm2d", (), 0, 0, 0, 8, 4),
                LayerCost("attention", "Attention", (), 0, 0, 0, 0, 1, 64),
                LayerCost("map", "Own", (), 0, 30, 0, 0, 37, bare_weights=30, unseen=7),
            ],
            "discriminator": [LayerCost("last", "Linear", (1, 20), 20, 40, 0, 0, 0)],
        },
    )
]
LINES = [
    {
        "kind": "start",
        "step": 0,
        "networks": {
            "generator": [{"name": "first", "weights": 10, "active": 5, "masked": True}],
            "discriminator": [{"name": "last", "weights": 20, "active": 4, "masked": True}],
        },
    },
    {"kind": "rewire", "step": 7, "network": "discriminator", "layers": [["last", 4, 10, 20]]},
]
EVENTS = list(map(events.read, LINES))


@pytest.fixture
def plan(tmp_path):
    config = tiny(tmp_path)
    counted = run_cost.summary(config, LAYERS, EVENTS)
    return Plan(config, None, {}, run_cost.of_layers(config, LAYERS, EVENTS), counted)


def printed(table, width=100):
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return [line.split() for line in captured.get().splitlines()]


def test_layers_with_weights_attention_and_the_sum_of_normalisations(plan):
    rows = {line[0]: line[1:] for line in printed(cost_tables.layers_table(plan)) if line}
    # tiny run: a step takes 34 images through G; through D 108 by both counts (54 twice, 108).
    assert rows["generator"] == ["40", "87.5%", "1.52e2", "2.99e3", "5.17e3"]
    assert rows["first"] == ["5x2", "10", "50.0%", "5.00e1", "1.70e3", "1.70e3"]
    assert rows["normalisation"] == ["8.00e0", "2.72e2", "2.72e2"]
    assert rows["attention"] == ["6.40e1", "0", "2.18e3"]
    assert rows["map"] == ["30", "100.0%", "3.00e1", "1.02e3", "1.02e3"]
    assert rows["last"][:4] == ["1x20", "20", "20.0→50.0%", "2.00e1"]


def test_both_ends_of_a_density_that_moved_and_both_conventions(plan):
    lines = printed(cost_tables.cost_table(plan.cost, plan.config.steps))
    assert ["discriminator,", "maskable", "weights,", "start", "4", "20", "20.0%"] in lines
    assert ["discriminator,", "maskable", "weights,", "end", "10", "20", "50.0%"] in lines
    assert ["generator,", "maskable", "weights", "5", "10", "50.0%"] in lines
    assert ["generator,", "all", "parameters", "50", "55", "90.9%"] in lines
    assert [line[1] for line in lines if line[:1] == ["FLOPs,"]] == ["published", "consistent"]
    run = [line for line in lines if line[:2] == ["the", "run"]]
    flops = plan.cost["flops"]
    assert [line[2] for line in run] == [
        cost_tables.short(flops[c]["run"], of=flops[c]["dense"])
        for c in ("published", "consistent")
    ]


def test_weights_in_no_counted_operation_are_named(plan):
    (line,) = cost_tables.unseen_text(plan).splitlines()
    assert line.startswith("generator, map: 7 weights are in no operation that is counted")


def test_json_holds_everything(plan):
    printed = cost_tables.as_json(plan)
    assert printed["flops"] == plan.cost["flops"]
    assert printed["config"]["steps"] == plan.config.steps
    assert [row["name"] for row in printed["layers"]["generator"]] == [
        *("first", "norm", "attention", "map")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "5.000e-1"), (9.9999e9, "1.000e10"), (3.947e17, "3.947e17")],
)
def test_short_numbers(value, text):
    assert cost_tables.short(value) == text


def test_what_is_compared_is_in_one_unit(plan):
    lines = printed(cost_tables.cost_table(plan.cost, plan.config.steps))
    compared = [line[-3:-1] for line in lines if len(line) > 3 and re.match(r"[\d.]+e\d", line[-2])]
    compared = [pair for pair in compared if re.match(r"[\d.]+e\d", pair[0])]
    assert len(compared) == 8
    for spent, dense in compared:
        assert spent.split("e")[1] == dense.split("e")[1]
    assert cost_tables.short(4.5665e16, of=2.6678e17) == "0.4567e17"
    assert cost_tables.short(7.86e8, of=7.537e10) == "0.07860e10"
    assert cost_tables.short(0.0, of=3.0) == "0"
