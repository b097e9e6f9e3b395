import pytest
from tiny_run import config

from sparsegan.cost import LayerCost
from sparsegan.train import run_cost
from sparsegan.train.timing import StepSeconds


def layer(name, weights, macs):
    return LayerCost(name, "Linear", (weights,), weights, macs, 0, 0, 3)


LAYERS = {"": {"generator": [layer("a", 10, 100)], "discriminator": [layer("b", 20, 40)]}}
START = {
    "kind": "start",
    "step": 0,
    "networks": {
        "generator": [{"name": "a", "weights": 10, "active": 5}],
        "discriminator": [{"name": "b", "weights": 20, "active": 4}],
    },
}
RAISE = {"kind": "rewire", "step": 6, "network": "discriminator", "layers": [["b", 4, 10, 20]]}


def test_operations_follow_the_densities_of_every_step():
    # tiny run: 14 steps, batches of 8 and 6, two discriminator steps.
    found = run_cost.summary(config("unused"), LAYERS, [START, {"kind": "train"}, RAISE])
    g_forwards = 8 * 2 + 3 * 6
    d_forwards = {"published": (3 * 8 * 2 + 6) * 2, "consistent": 6 * 8 * 2 + 2 * 6}
    for convention, forwards in d_forwards.items():
        generator = 14 * g_forwards * 100 * 0.5
        discriminator = forwards * 40 * (6 * 0.2 + 8 * 0.5)
        assert found["flops"][convention]["run"] == pytest.approx(generator + discriminator)
        dense = 14 * (g_forwards * 100 + forwards * 40)
        assert found["flops"][convention]["dense"] == pytest.approx(dense)


def test_weights_are_counted_at_both_ends():
    found = run_cost.summary(config("unused"), LAYERS, [START, RAISE])
    assert found["weights"]["generator"] == {"total": 10, "active_start": 5, "active_end": 5}
    assert found["weights"]["discriminator"] == {"total": 20, "active_start": 4, "active_end": 10}
    assert found["bytes"] == {"generator_sparse": 4 * 5 + 2 + 12, "generator_dense": 4 * 13}
    assert "seconds" not in found


def test_the_dense_runs_seconds_are_scaled_by_measured_steps():
    timed = StepSeconds(sparse=0.5, dense=2.0, steps=9)
    found = run_cost.summary(config("unused"), LAYERS, [START], seconds=10.0, timed=timed)
    seconds = found["seconds"]
    assert (seconds["run"], seconds["dense"], seconds["per_step"]) == (10.0, 40.0, 0.5)
    assert "9 steps" in seconds["note"]
