"""The events that a run's games write at the start, while they train, and after a repair."""

import pytest
import torch

from sparsegan import data
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog, read_events
from sparsegan.train import build, log
from sparsegan.train.batches import Batches
from sparsegan.train.clock import Clock
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from tiny_run import alone, config


@pytest.fixture
def game():
    images = data.load("fashion-mnist", split="test")
    settings = build.resolve(config("unused", "--engine", "masked"), images)
    game = Game(settings, launch(settings))
    batches = Batches(images, settings, 0, 1, game.fabric.device)
    real = batches.real(1, 0)
    game.discriminator_step(1, real, batches.latents(1, 0), batches.random_numbers(1, 0))
    game.generator_step(1, batches.generator_latents(1))
    game.after_generator_step(batches.generator_latents(1), real)
    return game


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def test_a_start_has_layers_costs_and_masks(path, game):
    log.start(Journal(MetricsLog(path)), alone(game))
    start, *others = read_events(path)
    assert (start["kind"], start["step"], start["method"], start["steps"]) == (
        *("start", 0, "adapt"),
        game.config.steps,
    )
    assert start["band"] == list(game.config.method.settings.band)
    for name, network in game.method.networks.items():
        rows = start["networks"][name]
        counts = dict(zip(network.masks.names, network.masks.initial_counts, strict=True))
        assert {row["name"]: row["active"] for row in rows if row["masked"]} == counts
        macs = {layer["name"]: layer["macs"] for layer in start["costs"][name]}
        assert all(macs[row["name"]] == row["macs"] for row in rows)
        parameters = sum(p.numel() for p in game.networks[name].parameters())
        coverage = start["coverage"][name]
        assert coverage == {"parameters": parameters, "masked": network.masks.total}
    assert start["machine"]["processes"] == 1
    assert {event["kind"] for event in others} == {"engine"}


def test_warnings_of_the_inspection_are_written_with_the_start(path, game):
    game.method.inspection.warnings.append("a sentence")
    log.start(Journal(MetricsLog(path)), alone(game))
    warnings = [event for event in read_events(path) if event["kind"] == "warning"]
    assert [(event["step"], event["message"]) for event in warnings] == [(0, "a sentence")]


def test_progress_is_what_the_game_has_done(path, game):
    clock = Clock(2.0)
    (written,) = log.progress(Journal(MetricsLog(path)), alone(game), clock, 1)
    (event,) = read_events(path)
    assert event == written.to_json()
    assert event["seconds"] == 2.0
    assert event["generator_loss"] == float(game.losses["generator"])
    norm = torch.stack([p.grad.norm() for p in game.D.parameters()]).norm()
    assert event["discriminator_gradient_norm"] == pytest.approx(float(norm), rel=1e-5)
    assert event["generator_density"] == game.method.generator.masks.density
    reading = game.events.reading
    assert event["balance_ratio"] == (reading.value if reading.valid else None)
    assert "generator_lr" not in event


def test_learning_rates_are_written_where_they_are_not_the_settings(path, game):
    game.optimisers["generator"].param_groups[0]["lr"] = 1e-5
    (event,) = log.progress(Journal(MetricsLog(path)), alone(game), Clock(), 1)
    assert event.generator_lr == 1e-5
    assert event.discriminator_lr == game.config.optimiser.discriminator.lr


def test_a_repair_leads_from_the_logged_masks_to_those_there_are(path, game):
    journal, games = Journal(MetricsLog(path)), alone(game)
    log.start(journal, games)
    masks = game.method.discriminator.masks
    masks.replace(torch.arange(masks.total) % 2 == 0)
    log.repair(journal, games, "a part was lost")
    *_, rewire, repaired = read_events(path)
    assert (rewire["kind"], rewire["reason"], rewire["network"]) == (
        *("rewire", "repair"),
        "discriminator",
    )
    assert sum(row[2] for row in rewire["layers"]) == masks.active
    assert repaired == {"kind": "repair", "step": games.step, "message": "a part was lost"}


def test_the_machine_is_named(game):
    machine = log.machine(game.fabric)
    assert machine["threads"] == torch.get_num_threads()
    assert machine["device"] == "cpu"
    assert machine["processes"] == game.fabric.world_size
