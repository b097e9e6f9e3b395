"""What a run's games leave in metrics.jsonl at the start, while they train, and after a repair."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from lightning_fabric import Fabric

from sparsegan.record.journal import Journal, balance_of, versions
from sparsegan.train.clock import Clock
from sparsegan.train.game import Game
from sparsegan.train.games import Games
from sparsegan.train.launch import reduced
from sparsegan.train.layer_costs import layer_costs, network_layers


def start(journal: Journal, games: Games) -> None:
    """Write the `start` event of each game, and what its networks run on."""
    config = games.config
    for game in games:
        costs = layer_costs(config, game.G, game.D)
        active = {
            name: dict(zip(network.masks.names, network.masks.initial_counts, strict=True))
            for name, network in game.method.networks.items()
        }
        journal.write(
            "start",
            0,
            game.name,
            networks=network_layers(active, costs),
            costs={name: [asdict(layer) for layer in layers] for name, layers in costs.items()},
            method=config.method.name,
            steps=config.steps,
            band=config.method.settings.band,
            versions=versions(),
            machine=machine(games.fabric),
            coverage={
                name: {"parameters": counted.parameters, "masked": counted.masked}
                for name, counted in game.method.inspection.coverage.items()
            },
        )
        for warning in game.method.inspection.warnings:
            journal.write("warning", 0, game.name, message=warning)
        journal.kernels(0, game.name, game.method)


def progress(
    journal: Journal, games: Games, clock: Clock, step: int
) -> dict[str | None, Mapping[str, Any]]:
    """Write the `train` event of each game; a collective call.

    Returns:
        The fields of the events, by the game's name.
    """
    seconds, rate = clock.seconds, clock.lap(step)
    fields: dict[str | None, Mapping[str, Any]] = {}
    for game in games:
        fields[game.name] = {"seconds": seconds, "steps_per_second": rate} | _state(game)
        journal.write("train", step, game.name, **fields[game.name])
    return fields


def _state(game: Game) -> dict[str, Any]:
    fields = {
        "generator_loss": reduced(game.fabric, game.losses["generator"], "mean"),
        "discriminator_loss": reduced(game.fabric, game.losses["discriminator"], "mean"),
        "generator_gradient_norm": game.gradient_norm("generator"),
        "discriminator_gradient_norm": game.gradient_norm("discriminator"),
        "generator_density": game.method.generator.masks.density,
        "discriminator_density": game.method.discriminator.masks.density,
        "balance_ratio": balance_of(game.events),
    }
    rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in game.optimisers.items()}
    usual = {name: getattr(game.config.optimiser, name).lr for name in rates}
    if game.config.optimiser.lr_decay != "none" or rates != usual:
        fields |= {f"{name}_lr": rate for name, rate in rates.items()}
    return fields


def repair(journal: Journal, games: Games, message: str) -> None:
    """Write the `repair` event, after what leads from the logged masks to those there are."""
    for game in games:
        journal.catch_up(games.step, game.name, game.method)
    journal.write("repair", games.step, message=message)


def machine(fabric: Fabric) -> dict[str, Any]:
    """What the run is on."""
    device = fabric.device
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processes": fabric.world_size,
    }
