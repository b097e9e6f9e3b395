"""What a run's games leave in metrics.jsonl at the start, while they train, and after a repair."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from sparsegan.cost.layers import LayerCost
from sparsegan.machine import versions
from sparsegan.methods import Method, StepEvents
from sparsegan.record import events
from sparsegan.record.journal import Journal
from sparsegan.train.clock import Clock
from sparsegan.train.game import Game
from sparsegan.train.games import Games
from sparsegan.train.launch import reduced
from sparsegan.train.layer_costs import layer_costs, network_layers

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def start(journal: Journal, games: Games) -> None:
    """Write the `start` event of each game, and what its networks run on."""
    for game in games:
        begin_log(
            journal,
            game.method,
            layer_costs(games.config, game.G, game.D),
            name=games.config.method.name,
            machine=machine(games.fabric),
            game=game.name,
        )


def begin_log(
    journal: Journal,
    method: Method,
    costs: Mapping[str, Sequence[LayerCost]],
    *,
    name: str,
    machine: Mapping[str, Any],
    game: str | None = None,
) -> None:
    """Write the `start` event of one method, its warnings, and what its networks run on.

    Args:
        journal: Where to.
        method: At its start, or as a run goes on whose start is not written yet.
        costs: Of both networks' layers, by network.
        name: The method's.
        machine: What it is on.
        game: Which of several games it plays.
    """
    settings = method.settings
    active = {
        network: dict(zip(pruned.masks.names, pruned.masks.initial_counts, strict=True))
        for network, pruned in method.networks.items()
    }
    start = events.Start(
        step=0,
        game=game,
        networks=network_layers(active, costs),
        costs={network: [asdict(layer) for layer in layers] for network, layers in costs.items()},
        method=name,
        steps=method.steps,
        band=settings.fixed_band,
        other_signal=None if settings.signal == "ratio" else settings.signal,
        versions=versions(),
        machine=dict(machine),
        coverage={
            network: {"parameters": counted.parameters, "masked": counted.masked}
            for network, counted in method.inspection.coverage.items()
        },
    )
    journal.write(start)
    for warning in method.inspection.warnings:
        journal.write(events.Notice(step=0, game=game, message=warning))
    journal.requests(0, game, method.requests)
    journal.kernels(0, game, method)


def progress(journal: Journal, games: Games, clock: Clock, step: int) -> list[events.Progress]:
    """Write the `train` event of each game, and return them; a collective call."""
    seconds, rate = clock.seconds, clock.lap(step)
    written = []
    for game in games:
        written.append(_progress(game, step, seconds, rate))
        journal.write(written[-1])
    return written


def _progress(game: Game, step: int, seconds: float, rate: float) -> events.Progress:
    rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in game.optimisers.items()}
    usual = {name: getattr(game.config.optimiser, name).lr for name in rates}
    moved = game.config.optimiser.lr_decay != "none" or rates != usual
    return events.Progress(
        step=step,
        game=game.name,
        seconds=seconds,
        steps_per_second=rate,
        generator_loss=reduced(game.fabric, game.losses["generator"], "mean"),
        discriminator_loss=reduced(game.fabric, game.losses["discriminator"], "mean"),
        generator_gradient_norm=game.gradient_norm("generator"),
        discriminator_gradient_norm=game.gradient_norm("discriminator"),
        generator_density=game.method.generator.masks.density,
        discriminator_density=game.method.discriminator.masks.density,
        balance_ratio=_balance_ratio(game.events),
        generator_lr=rates["generator"] if moved else None,
        discriminator_lr=rates["discriminator"] if moved else None,
    )


def _balance_ratio(done: StepEvents) -> float | None:
    """What the window says, or None while it is empty."""
    if done.reading is None or math.isnan(done.reading.value):
        return None
    return done.reading.value


def repair(journal: Journal, games: Games, message: str) -> None:
    """Write the `repair` event, after what leads from the logged masks to those there are."""
    for game in games:
        journal.catch_up(games.step, game.name, game.method)
    journal.write(events.Repair(step=games.step, message=message))


def machine(fabric: "Fabric") -> dict[str, Any]:
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
