from dataclasses import asdict

import pytest

import cycle_run
from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.errors import SparseganError
from sparsegan.record import events, run_cost
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run_cost import GameLayers, StepSeconds
from sparsegan.sparsity import SparseNetwork
from sparsegan.train.loop import train
from tiny_run import config


def layer(name, weights, macs):
    return LayerCost(name, "Linear", (weights,), weights, macs, 0, 0, 3)


NETWORKS = {"generator": [layer("a", 10, 100)], "discriminator": [layer("b", 20, 40)]}
LAYERS = [GameLayers(None, NETWORKS)]
START = {
    "kind": "start",
    "step": 0,
    "networks": {
        "generator": [{"name": "a", "weights": 10, "active": 5, "masked": True}],
        "discriminator": [{"name": "b", "weights": 20, "active": 4, "masked": True}],
    },
}
RAISE = {"kind": "rewire", "step": 6, "network": "discriminator", "layers": [["b", 4, 10, 20]]}


def read(lines):
    return list(map(events.read, lines))


def test_operations_follow_the_densities_of_every_step():
    # tiny run: 14 steps, batches of 8 and 6, two discriminator steps.
    summary = run_cost.summary(
        config("unused"), LAYERS, read([START, {"kind": "train", "step": 1}, RAISE])
    )
    g_forwards = 8 * 2 + 3 * 6
    d_forwards = {"published": (3 * 8 * 2 + 6) * 2, "consistent": 6 * 8 * 2 + 2 * 6}
    for convention, forwards in d_forwards.items():
        generator = 14 * g_forwards * 100 * 0.5
        discriminator = forwards * 40 * (6 * 0.2 + 8 * 0.5)
        assert summary["flops"][convention]["run"] == pytest.approx(generator + discriminator)
        dense = 14 * (g_forwards * 100 + forwards * 40)
        assert summary["flops"][convention]["dense"] == pytest.approx(dense)


def test_an_image_costs_what_the_densities_at_the_end_make_of_it():
    summary = run_cost.summary(config("unused"), LAYERS, read([START, RAISE]))
    for convention in cost.CONVENTIONS:
        assert summary["inference"][convention] == {
            "generator": {"run": 50.0, "dense": 100.0},
            "discriminator": {"run": 20.0, "dense": 40.0},
        }


def test_layers_cost_together_what_the_run_costs():
    norm = LayerCost("norm", "BatchNorm2d", (), 0, 0, 0, 7, 4)
    layers = [GameLayers(None, {**NETWORKS, "generator": [layer("a", 10, 100), norm]})]
    whole = run_cost.summary(config("unused"), layers, read([START, RAISE]))
    of_layers = run_cost.of_layers(config("unused"), layers, read([START, RAISE]))
    (b,) = of_layers["discriminator"]
    assert (b["active_start"], b["active_end"], b["weights"]) == (4, 10, 20)
    assert b["inference"]["published"] == {"run": 20.0, "dense": 40.0}
    for convention in cost.CONVENTIONS:
        for owner in ("run", "dense"):
            rows = [row for network in of_layers.values() for row in network]
            together = sum(row["training"][convention][owner] for row in rows)
            assert together == pytest.approx(whole["flops"][convention][owner])


def test_games_cost_together_what_each_costs():
    both = [GameLayers("x", NETWORKS), GameLayers("y", NETWORKS)]
    starts = [{**START, "pair": "x"}, {**START, "pair": "y"}, {**RAISE, "pair": "y"}]
    together = run_cost.summary(config("unused"), both, read(starts))
    alone = run_cost.summary(config("unused"), LAYERS, read([START]))
    moved = run_cost.summary(config("unused"), LAYERS, read([START, RAISE]))
    assert together["pairs"] == {"x": alone, "y": moved}
    for convention in cost.CONVENTIONS:
        spent = [own["flops"][convention]["run"] for own in (together, alone, moved)]
        assert spent[0] == pytest.approx(spent[1] + spent[2])
        assert together["inference"][convention]["generator y"]["run"] == 50.0
    assert list(run_cost.of_layers(config("unused"), both, read(starts))) == [
        "generator x", "discriminator x", "generator y", "discriminator y",
    ]  # fmt: skip


def test_weights_are_counted_at_both_ends():
    summary = run_cost.summary(config("unused"), LAYERS, read([START, RAISE]))
    weights = summary["weights"]["discriminator"]
    assert weights == {
        **{"total": 20, "active_start": 4, "active_end": 10},
        **{"maskable": 20, "maskable_active_start": 4, "maskable_active_end": 10},
        "parameters": 23,
    }
    assert summary["bytes"] == {"generator_sparse": 4 * 5 + 2 + 12, "generator_dense": 4 * 13}
    assert "seconds" not in summary


def test_weights_that_no_mask_takes_are_told_apart():
    own = LayerCost("own", "Attention", (), 0, 30, 0, 0, 35, bare_weights=30, unseen=2)
    layers = [
        GameLayers(None, {**NETWORKS, "generator": [layer("a", 10, 100), layer("gain", 7, 7), own]})
    ]
    rows = [*START["networks"]["generator"]]
    rows.append({"name": "gain", "weights": 7, "active": 7, "masked": False})
    start = {**START, "networks": {**START["networks"], "generator": rows}}
    weights = run_cost.summary(config("unused"), layers, read([start]))["weights"]["generator"]
    assert (weights["total"], weights["active_end"]) == (10 + 7 + 30, 5 + 7 + 30)
    assert (weights["maskable"], weights["maskable_active_end"]) == (10, 5)
    assert weights["parameters"] == 13 + 10 + 35
    by_layer = run_cost.of_layers(config("unused"), layers, read([start]))["generator"]
    assert [row["masked"] for row in by_layer] == [True, False, False]
    assert by_layer[2]["unseen"] == 2


def test_a_step_costs_the_steps_share_of_the_run():
    summary = run_cost.summary(config("unused"), LAYERS, read([START, RAISE]))
    for flops in summary["flops"].values():
        assert flops["step"] * 14 == pytest.approx(flops["run"])
        assert flops["dense_step"] * 14 == pytest.approx(flops["dense"])


def test_places_of_blocks_take_fewer_bytes():
    wide = LayerCost("a", "Linear", (40, 10), 400, 400, 0, 0, 0)
    layers = [GameLayers(None, {**NETWORKS, "generator": [wide]})]
    rows = [{"name": "a", "weights": 400, "active": 200, "masked": True}]
    start = {**START, "networks": {**START["networks"], "generator": rows}}
    for granularity, places in (("weight", 50), ("block", 13)):
        settings = config("unused", "--method.granularity", granularity)
        summary = run_cost.summary(settings, layers, read([start]))
        assert summary["bytes"]["generator_sparse"] == 4 * 200 + places


def test_the_dense_runs_seconds_are_scaled_by_measured_steps():
    timed = StepSeconds(sparse=0.5, dense=2.0, steps=9)
    summary = run_cost.summary(config("unused"), LAYERS, read([START]), seconds=10.0, timed=timed)
    seconds = summary["seconds"]
    assert (seconds["run"], seconds["dense"], seconds["per_step"]) == (10.0, 40.0, 0.5)
    assert "9 steps" in seconds["note"]


def test_the_generators_of_a_cycle_are_gone_through_three_times():
    for flags, passes in (([], 3), (["--loss.identity", "0"], 2), (["--loss.cycle", "0"], 2)):
        settings = cycle_run.config("unused", "unused", *flags)
        lines = [START | {"pair": pair} for pair in ("a_to_b", "b_to_a")]
        lines.append(RAISE | {"pair": "b_to_a", "step": 3})
        layers = [GameLayers(line["pair"], NETWORKS) for line in lines[:2]]
        summary = run_cost.summary(settings, layers, read(lines))
        for pair, density in (("a_to_b", 0.2), ("b_to_a", (0.2 + 0.5) / 2)):
            generator = 6 * (1 + 3 * passes) * 100 * 0.5
            discriminator = 6 * 8 * 40 * density
            flops = summary["pairs"][pair]["flops"]["consistent"]["run"]
            assert flops == pytest.approx(generator + discriminator)
        assert summary["weights"]["discriminator b_to_a"]["active_end"] == 10
        assert summary["weights"]["discriminator a_to_b"]["active_end"] == 4


def test_real_images_are_judged_once_more_for_the_r1_estimate():
    without, with_r1 = (
        run_cost.summary(config("unused", *flags), LAYERS, read([START, RAISE]))
        for flags in ((), ("--loss.r1", "0.1"))
    )
    more = 3 * 8 * 2 * 14 * 40  # passes, images, D's steps, steps, operations of a forward
    dense = [summary["flops"]["consistent"]["dense"] for summary in (without, with_r1)]
    assert dense[1] - dense[0] == pytest.approx(more)


def test_what_comes_on_top_of_training_steps_by_hand():
    # 14 steps, batches of 8 and 6, two discriminator steps; growth in G after steps 4, 8 and 12,
    # decisions on D after 5 and 10, and measurements of the balance ratio after 5 and 10.
    flags = ["--method.balance_every", "5", "--method.interval", "4"]
    flags += ["--method.control_interval", "5", "--method.balance_window", "1"]
    summary = run_cost.summary(config("unused", *flags), LAYERS, read([START, RAISE]))
    growth = 3 * 6 * 100 * 0.5 + 2 * 2 * 8 * 40 * (0.8 + 0.5)
    balance = 2 * 6 * 100 * 0.5 + (6 + 8) * 40 * (0.2 + 0.5)
    assert summary["overhead"] == pytest.approx({"growth": growth, "balance": balance})
    with_r1 = run_cost.summary(
        config("unused", *flags, "--loss.r1", "1"), LAYERS, read([START, RAISE])
    )
    assert with_r1["overhead"]["growth"] == pytest.approx(growth + 2 * 8 * 40 * (0.8 + 0.5))
    at_random = [*flags, "--method.growth", "random", "--method.control_growth", "random"]
    summary = run_cost.summary(config("unused", *at_random), LAYERS, read([START, RAISE]))
    assert summary["overhead"] == pytest.approx({"growth": 0, "balance": balance})


def test_a_step_that_grows_by_two_intervals_takes_its_gradients_once():
    flags = ["--method.name", "joint", "--method.balance_every", "6", "--method.interval", "4"]
    flags += ["--method.control_interval", "6", "--method.balance_window", "1"]
    summary = run_cost.summary(config("unused", *flags), LAYERS, read([START, RAISE]))
    # G's after steps 4, 6, 8 and 12, where a rewiring and a decision meet; D's after 6 and 12.
    growth = 4 * 6 * 100 * 0.5 + 2 * 2 * 8 * 40 * (0.8 + 0.5)
    assert summary["overhead"]["growth"] == pytest.approx(growth)


@pytest.mark.parametrize("wrong", [10**400, -1, 1.5, "9"])
def test_costs_that_are_no_counts_are_refused(wrong, tmp_path):
    row = asdict(layer("a", 10, 100)) | {"macs": wrong}
    costs = {"generator": [row], "discriminator": [row]}
    start = events.Start(step=0, networks={}, costs=costs, method="adapt", steps=14, band=None)
    with pytest.raises(SparseganError, match="has no costs of layers"):
        run_cost.recorded([start], tmp_path / "metrics.jsonl")


def test_moments_that_are_kept_need_dense_gradients_at_every_step():
    settings = config("unused", "--method.moments", "kept")
    summary = run_cost.summary(settings, LAYERS, read([START]))
    growth = 14 * (6 * 100 * 0.5 + 2 * 2 * 8 * 40 * 0.8)
    assert summary["overhead"]["growth"] == pytest.approx(growth)


@pytest.mark.full
def test_a_run_keeps_dense_gradients_and_measures_as_often_as_is_counted(tmp_path, monkeypatch):
    kept = {True: 0, False: 0}
    take = SparseNetwork._take_gradients

    def counted(network):
        kept[hasattr(network.module, "latent_dim")] += network.wants_dense_gradient
        take(network)

    monkeypatch.setattr(SparseNetwork, "_take_gradients", counted)
    flags = ["--method.balance_every", "3", "--method.balance_window", "2"]
    settings = config(tmp_path / "run", "--evaluate.every", "100", *flags)
    run = train(settings)
    measured = sum(event["kind"] == "balance" for event in read_events(run.metrics))
    # Layers of one multiplication: operations are samples, whatever is active dense.
    layers = [layer("a", 10, 1)]
    rows = [{"name": "a", "weights": 10, "active": 0, "masked": True}]
    start = {**START, "networks": {"generator": rows, "discriminator": rows}}
    of_game = [GameLayers(None, {"generator": layers, "discriminator": layers})]
    beside = run_cost.summary(settings, of_game, read([start]))["overhead"]
    assert beside["growth"] == 6 * kept[True] + 2 * 8 * kept[False] > 0
    assert measured == 14 // 3
