"""Spans of equal numbers of D's steps; what they cost against a count step by step."""

import random

import pytest

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.record import events, run_cost
from sparsegan.record.spans import Span, step_spans
from tiny_run import config


def layer(name, weights, macs):
    return LayerCost(name, "Linear", (weights,), weights, macs, 0, 0, 3)


LAYERS = [
    run_cost.GameLayers(
        None, {"generator": [layer("a", 10, 100)], "discriminator": [layer("b", 20, 40)]}
    )
]
START = {
    "kind": "start",
    "step": 0,
    "networks": {
        "generator": [{"name": "a", "weights": 10, "active": 5, "masked": True}],
        "discriminator": [{"name": "b", "weights": 20, "active": 4, "masked": True}],
    },
}


def request(step, wanted, rate=1.0):
    fields = {"discriminator_steps": wanted, "discriminator_rate": rate, "schedule": None}
    return {"kind": "request", "step": step, **fields}


def read(lines):
    return list(map(events.read, lines))


def test_spans_begin_where_another_number_is_asked_for():
    lines = [START, request(3, None, 0.5), request(5, 4), request(8, 4, 2.0), request(9, None)]
    spans = step_spans(config("unused"), read(lines))
    assert spans == [Span(0, 5, 2), Span(5, 9, 4), Span(9, 14, 2)]
    assert step_spans(config("unused"), read([START])) == [Span(0, 14, 2)]
    assert step_spans(config("unused"), read([START, request(14, 7)])) == [Span(0, 14, 2)]
    assert step_spans(config("unused"), read([START, request(0, 7)])) == [Span(0, 14, 7)]


@pytest.mark.parametrize("seed", range(20))
def test_a_runs_operations_are_those_of_its_steps_one_by_one(seed):
    # tiny run: 14 steps, batches of 8 and 6, two discriminator steps.
    drawn = random.Random(seed)
    lines, density, made = [START], {0: 0.2}, {0: 2}
    for step in range(1, 14):
        if drawn.random() < 0.3:
            active = drawn.randint(1, 20)
            density[step] = active / 20
            row = ["b", 0, active, 20]
            lines.append(
                {"kind": "rewire", "step": step, "network": "discriminator", "layers": [row]}
            )
        if drawn.random() < 0.3:
            wanted = drawn.choice([None, 1, 2, 3, 7])
            made[step] = wanted or 2
            lines.append(request(step, wanted))
    expected = dict.fromkeys(cost.CONVENTIONS, 0.0)
    for done in range(14):  # steps completed before the one that is counted
        d = density[max(step for step in density if step <= done)]
        n = made[max(step for step in made if step <= done)]
        g_part = (8 * n + 3 * 6) * 100 * 0.5
        expected["published"] += g_part + (3 * 8 * n + 6) * n * 40 * d
        expected["consistent"] += g_part + (6 * 8 * n + 2 * 6) * 40 * d
    summary = run_cost.summary(config("unused"), LAYERS, read(lines))
    rows = run_cost.of_layers(config("unused"), LAYERS, read(lines))
    for convention, operations in expected.items():
        assert summary["flops"][convention]["run"] == pytest.approx(operations)
        of_layers = sum(row["training"][convention]["run"] for own in rows.values() for row in own)
        assert of_layers == pytest.approx(operations)
        usual = run_cost.summary(config("unused"), LAYERS, read([START]))["flops"][convention]
        assert summary["flops"][convention]["dense"] == usual["dense"]
