"""Runs of the pruning methods through the loop: stopped anywhere, counted, and looked back at."""

import signal

import pytest
import torch

import cycle_run
from needs import in_full
from sparsegan import cost, engine, report
from sparsegan.plan import plan
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.train import loop
from sparsegan.train.stop import Interrupted, StopRequest
from tiny_run import SETTINGS, differences
from tiny_run import config as tiny

METHODS = {
    "prune": {"generator_density": 0.2, "discriminator_density": 0.4, "prune_at": 0.5},
    "gmp": {"generator_density": 0.2, "interval": 3},
    "snip": {"generator_density": 0.2},
    "tickets": {"rounds": 2, "share": 0.5, "rewind_to": 1, "weights": "drawn"},
}
EVENTS = {"prune": [7], "gmp": [4, 7, 10, 11], "snip": [1], "tickets": [5, 10]}
"""Generator steps, of 14, after which weights are taken out."""


pytestmark = pytest.mark.usefixtures("quick_runs")


def config(directory, name, kernels="masked", *flags):
    method = {"name": name, **METHODS[name], "balance_every": 1, "balance_window": 3}
    settings = {**SETTINGS, "method": {**method, "ema_decay": 0.9}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiny_run.SETTINGS", settings)
        decay = ["--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0"]
        source = ["--data.source", "fashion-mnist"]
        return tiny(directory, "--engine", kernels, *decay, *source, *flags)


@pytest.fixture(scope="module")
def whole(quick_runs, tmp_path_factory):
    """Runs that were never stopped, by method and kernels."""
    made = {}

    def of(name, kernels="masked"):
        if (name, kernels) not in made:
            folder = tmp_path_factory.mktemp(name) / kernels
            made[name, kernels] = loop.train(config(folder, name, kernels))
        return made[name, kernels]

    return of


def last(run):
    return load_state(run.checkpoint(run.checkpoint_steps()[-1]))


def events_of(run, kind=None, but=("seconds", "steps_per_second")):
    events = read_events(run.metrics)
    return [
        {key: value for key, value in event.items() if key not in but}
        for event in events
        if kind in (None, event["kind"])
    ]


STOPS = [
    ("snip", 1),
    ("tickets", 5),
    *in_full(("prune", 6), ("prune", 7), ("gmp", 7), ("tickets", 1), ("tickets", 11)),
]


@pytest.mark.parametrize(("name", "step"), STOPS)
def test_stopped_and_resumed_is_as_if_never_stopped(whole, tmp_path, monkeypatch, name, step):
    resumed_as_if_never_stopped(whole(name), config(tmp_path / "run", name), monkeypatch, step)


@pytest.mark.full
@pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")
@pytest.mark.parametrize(("name", "step"), [("snip", 1), ("tickets", 10)])
def test_also_on_native_kernels(whole, tmp_path, monkeypatch, name, step):
    run = whole(name, "native")
    stopped = config(tmp_path / "run", name, "native")
    resumed_as_if_never_stopped(run, stopped, monkeypatch, step)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "settings", "step"),
    [
        ("tickets", {"rounds": 2}, 2),
        ("snip", {}, 1),
        ("prune", {"prune_at": 0.5}, 3),
        ("gmp", {"interval": 1}, 3),
    ],
)
def test_also_with_two_games(tmp_path, monkeypatch, name, settings, step):
    folder = cycle_run.write_set(tmp_path / "set")
    monkeypatch.setitem(cycle_run.SETTINGS, "method", {"name": name, **settings})
    run = loop.train(cycle_run.config(folder, tmp_path / "whole"))
    stopped = cycle_run.config(folder, tmp_path / "stopped")
    resumed_as_if_never_stopped(run, stopped, monkeypatch, step)
    games = {event["pair"] for event in events_of(run, "rewire")}
    assert games == {"a_to_b", "b_to_a"}


@pytest.mark.full
@pytest.mark.parametrize("name", METHODS)
def test_also_from_the_weights_of_another_run(whole, tmp_path, monkeypatch, name):
    start = ["--start.run", str(whole("gmp").path), "--engine", "masked"]
    run = loop.train(config(tmp_path / "whole", name, "masked", *start))
    stopped = config(tmp_path / "stopped", name, "masked", *start)
    resumed_as_if_never_stopped(run, stopped, monkeypatch, 5)


def resumed_as_if_never_stopped(run, stopped, monkeypatch, step):
    with monkeypatch.context() as context:
        calls = iter(range(1, 99))
        number = signal.SIGTERM
        context.setattr(
            StopRequest, "agreed", lambda self, fabric: number if next(calls) == step else 0
        )
        with pytest.raises(Interrupted) as interrupted:
            loop.train(stopped)
    torch.rand(5)
    resumed = loop.resume(interrupted.value.run)
    assert differences(last(resumed), last(run)) == []
    assert events_of(resumed) == events_of(run)


@pytest.mark.parametrize("name", METHODS)
def test_what_is_taken_out_is_told_and_counted(whole, name):
    run = whole(name)
    moves = events_of(run, "rewire")
    assert sorted({event["step"] for event in moves}) == EVENTS[name]
    assert {event["reason"] for event in moves} == {"prune"}
    active = {event["network"]: event["active"] for event in events_of(run, "start")[:0]}
    for event in moves:
        assert sum(row[2] for row in event["layers"]) == event["active"]
        assert event["active"] <= active.get(event["network"], event["total"])
        active[event["network"]] = event["active"]
    masks = {
        network: int(last(run)["method"][network]["masks"]["budget"])
        for network in ("generator", "discriminator")
    }
    assert active.items() <= masks.items()


@pytest.mark.parametrize("name", METHODS)
def test_its_cost_is_that_of_its_history_and_near_the_forecast(whole, name, tmp_path):
    """By hand: every step at the densities it was made with; ahead: layers as masks are drawn."""
    run = whole(name)
    counted = plan.cost_of_run(run.path)
    settings = counted.config
    start = events_of(run, "start")[0]
    densities = {
        network: {row["name"]: row["active"] / row["weights"] for row in rows}
        for network, rows in start["networks"].items()
    }
    layers = {
        network: {row["name"]: row for row in rows} for network, rows in start["costs"].items()
    }
    moves = events_of(run, "rewire")

    def image(network):
        rows = layers[network].values()
        return sum(
            row["macs"] * densities[network].get(row["name"], 1.0)
            + row["bias_adds"] + row["norm_ops"] + row["products"]
            for row in rows
        )  # fmt: skip

    b, g, n = settings.batch_size, settings.generator_batch_size, settings.discriminator_steps
    total = 0.0
    for step in range(1, settings.steps + 1):
        total += image("generator") * (b * n + 3 * g)
        total += image("discriminator") * (6 * b * n + 2 * g)
        for event in moves:
            if event["step"] == step:
                for layer, _, after, size in event["layers"]:
                    densities[event["network"]][layer] = after / size
    assert counted.cost["flops"]["consistent"]["run"] == pytest.approx(total)

    ahead = plan.outline(config(tmp_path / "run", name)).cost
    for network in ("generator", "discriminator"):
        same = ("total", "maskable_active_start", "maskable_active_end")
        for key in same:
            assert ahead["weights"][network][key] == counted.cost["weights"][network][key]
    for convention in cost.CONVENTIONS:
        one, other = (each["flops"][convention]["run"] for each in (ahead, counted.cost))
        # By sensitivity the cheap first layer of so small a generator goes, and others stay.
        assert one == pytest.approx(other, rel=0.6 if name == "snip" else 0.15)
        assert max(one, other) < ahead["flops"][convention]["dense"]


def test_trainings_are_told_with_their_schedules_and_learning_rates(whole):
    run = whole("tickets")
    assert events_of(run, "rewind") == [
        {"kind": "rewind", "step": 5, "to": 1, "weights": "rewound"},
        {"kind": "rewind", "step": 10, "to": 0, "weights": "drawn"},
    ]
    assert [(e["step"], e["schedule"]) for e in events_of(run, "request")] == [
        (0, [1, 5]),
        (5, [5, 6]),
        (10, [11, 4]),
    ]
    rates = {e["step"]: e["generator_lr"] / 2e-4 for e in events_of(run, "train")}
    assert rates == pytest.approx({5: 1 / 5, 10: 1 / 6, 14: 1 / 4})


def test_the_best_is_one_of_the_network_that_the_run_is_for(whole):
    for name, since in (("prune", 7), ("gmp", 11), ("tickets", 10)):
        run = whole(name)
        values = {e["step"]: e["value"] for e in events_of(run, "evaluate") if e["step"] > since}
        assert run.best_step() == min(values, key=values.get)


def test_a_report_shows_them(whole, tmp_path):
    page = report.write(
        [whole(name).path for name in METHODS], tmp_path / "report.html"
    ).read_text()
    assert "Trainings that begin anew" in page
    for row in ("weights of step 1", "weights of the start, shuffled", "weights of the start"):
        assert f"<td>{row}</td>" in page
    page = report.write([whole("gmp").path], tmp_path / "gmp.html").read_text()
    assert "Trainings that begin anew" not in page
    assert "The generator went from 100.0\u00a0% to <strong>20.0\u00a0%</strong>" in page
