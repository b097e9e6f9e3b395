"""The training loop, and how a run begins, goes on after a stop, and ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from rich.console import Console
from torch import Tensor

from sparsegan import report
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text
from sparsegan.methods import StepEvents
from sparsegan.train import build, kinds, parse, run_cost, state, timing, trust
from sparsegan.train.checkpoint import load_state, save_state
from sparsegan.train.clock import Clock
from sparsegan.train.config import Config
from sparsegan.train.evaluate import sentence
from sparsegan.train.journal import Journal, balance_of, layer_costs
from sparsegan.train.kinds import AnyBatches, AnyStudio
from sparsegan.train.launch import launch, reduced, seed_everything
from sparsegan.train.learning_rate import learning_rate
from sparsegan.train.match import Match, named
from sparsegan.train.metrics_log import MetricsLog, finite, read_events
from sparsegan.train.progress import ProgressDisplay
from sparsegan.train.run import RunDirectory, create, free_name, open_run
from sparsegan.train.stop import Interrupted, StopRequest


@dataclass
class Session:
    """Everything that one run has at hand while it trains."""

    config: Config
    fabric: Fabric
    run: RunDirectory
    match: Match
    batches: AnyBatches
    studio: AnyStudio
    journal: Journal
    clock: Clock
    display: ProgressDisplay
    stop: StopRequest


def train(
    config: Config, console: Console | None = None, *, notes: Sequence[str] = ()
) -> RunDirectory:
    """Train a run from its first step to its last, on one or several processes.

    Args:
        config: All settings; what is None is filled in from data and machine.
        console: Where to show progress; None for silence.
        notes: Lines on where the settings are from, which config.yaml begins with.

    Returns:
        The run's directory, complete with report.

    Raises:
        SparseganError: Bad settings or data, or losses that are not finite.
        Interrupted: After Ctrl-C or SIGTERM, when the state is saved.
    """
    images = kinds.images(config)
    fabric = launch(config)
    config = kinds.resolve(config, images)
    trust.remember(trust.code_of(config).values())  # who trains with it may sample with it
    studio = kinds.studio(config, images)
    seed_everything(config, fabric.global_rank)
    batches = kinds.batches(images, config, fabric.global_rank, fabric.world_size, fabric.device)
    match = kinds.match(config, fabric)
    # All that can be refused has been by now: nothing is written for a run that cannot begin.
    run = _new_run(config, fabric)
    config = replace(config, run=replace(config.run, directory=str(run.path)))
    if fabric.is_global_zero:
        parse.write(run.config, config, notes)
    return _train_on(config, run, match, batches, studio, console, None)


def resume(
    path: Path,
    console: Console | None = None,
    *,
    checkpoint: Path | None = None,
    inexact: bool = False,
    trust_code: bool = False,
) -> RunDirectory:
    """Go on with a run that was stopped, to the same bits as if it had not been.

    Args:
        path: The run's directory.
        console: Where to show progress; None for silence.
        checkpoint: Where to go on; None is the newest. What the run did later is forgotten.
        inexact: Go on although the machine differs in what the bits depend on.
        trust_code: Whether all code that config.yaml names may be run (see `trust`).

    Returns:
        The run's directory, complete with report.

    Raises:
        SparseganError: The directory is no run, names code that is not trusted, or its checkpoint
            is damaged, of another network, of other settings, or from other conditions.
        Interrupted: As in `train`.
    """
    run = open_run(path)
    config = parse.read(run.config)
    trust.require(config, run.config, trust_code=trust_code)
    run.require_own_folders()
    saved = load_state(checkpoint or run.newest_checkpoint())
    state.require_parts(saved, build.pairs(config))
    state.require_settings(saved["settings"], config)
    images = kinds.images(config)
    if images.fingerprint != saved["images"] and not inexact:
        raise SparseganError(
            f"the images of {images.name} are not those that the run began with: "
            "restore them, or go on with --inexact"
        )
    fabric = launch(config)
    studio = kinds.studio(config, images)
    seed_everything(config, fabric.global_rank)
    batches = kinds.batches(images, config, fabric.global_rank, fabric.world_size, fabric.device)
    match = kinds.match(config, fabric)
    state.restore(match, saved, inexact=inexact)
    if fabric.is_global_zero:
        run.forget_after(saved["step"])
    return _train_on(config, run, match, batches, studio, console, saved)


def _train_on(
    config: Config,
    run: RunDirectory,
    match: Match,
    batches: AnyBatches,
    studio: AnyStudio,
    console: Console | None,
    saved: Mapping[str, Any] | None,
) -> RunDirectory:
    fabric = match.fabric
    first = fabric.is_global_zero
    log = MetricsLog(run.metrics, saved["metrics_bytes"] if saved else None) if first else None
    session = Session(
        config=config,
        fabric=fabric,
        run=run,
        match=match,
        batches=batches,
        studio=studio,
        journal=Journal(log),
        clock=Clock(saved["seconds"] if saved else 0.0),
        display=ProgressDisplay(console if first else None, config.steps, match.step),
        stop=StopRequest(),
    )
    try:
        with session.display, session.stop:
            if saved is None:
                match.choose_kernels(batches.generator_latents(1), batches.real(1, 0))
                session.journal.start(match)
                save(session)
            steps(session)
        finish(session)
    finally:
        if log is not None:
            log.close()
    return run


def steps(session: Session) -> None:
    """The loop: every generator step from where the run stands to the last.

    Losses, scores and events are by pair of networks, of which most runs have one.
    """
    config, match, batches, clock = session.config, session.match, session.batches, session.clock
    if match.step == 0:
        look(session, 0)
    clock.start(match.step)
    for step in range(match.step + 1, config.steps + 1):
        for k in range(config.discriminator_steps):
            real = batches.real(step, k)
            discriminator_losses = match.discriminator_step(
                step, real, batches.latents(step, k), batches.mix(step, k)
            )
        latents = batches.generator_latents(step)
        generator_losses, fake_scores = match.generator_step(step, latents)

        # Before the masks move: a network is judged by the weights that it was trained with.
        best = False
        if step < config.steps:
            with clock.paused():
                best = look(session, step)

        events = match.after_generator_step(fake_scores, latents, real)
        for pair, happened in events.items():
            session.journal.step(pair, happened)
            if happened.changes:
                session.journal.kernels(step, pair, match.methods[pair])
        session.display.advance(step)
        if step % config.log_every == 0 or step == config.steps:
            tell(session, step, generator_losses, discriminator_losses, events)

        stopped = session.stop.agreed(session.fabric)
        if stopped or best or step == config.steps or step % config.checkpoint.every == 0:
            with clock.paused():
                save(session)
        if stopped:
            raise Interrupted(stopped, step, session.run.path)
    clock.stop()


def tell(
    session: Session,
    step: int,
    generator_losses: Mapping[str, Tensor],
    discriminator_losses: Mapping[str, Tensor],
    events: Mapping[str, StepEvents],
) -> None:
    """Write and show the `train` event of each pair of networks."""
    config, fabric = session.config, session.fabric
    seconds, rate = session.clock.seconds, session.clock.lap(step)
    lines = {}
    for pair, game in session.match.games.items():
        line = lines[pair] = {
            "seconds": seconds,
            "steps_per_second": rate,
            "generator_loss": reduced(fabric, generator_losses[pair], "mean"),
            "discriminator_loss": reduced(fabric, discriminator_losses[pair], "mean"),
            "generator_gradient_norm": game.gradient_norm("generator"),
            "discriminator_gradient_norm": game.gradient_norm("discriminator"),
            "generator_density": game.method.generator.masks.density,
            "discriminator_density": game.method.discriminator.masks.density,
            "balance_ratio": balance_of(events[pair]),
        }
        if config.optimiser.lr_decay != "none":
            line |= {f"{name}_lr": learning_rate(config, name, step) for name in game.networks}
        session.journal.write("train", step, pair, **line)
    session.display.show(step, lines)


def look(session: Session, step: int) -> bool:
    """Draw and evaluate where it is due; returns whether this is the best evaluation so far.

    Only the first process looks; the others wait.
    """
    best = False
    if session.fabric.is_global_zero:
        found = session.studio.look(session.run, session.match.methods, step)
        for pair, fields in found.items():
            session.journal.write("evaluate", step, pair, **fields)
            session.display.say(f"{named(f'step {step}', pair)}: {sentence(fields)}")
        best = bool(found) and session.run.best_step() == step
    return bool(session.fabric.broadcast(best))


def save(session: Session) -> None:
    """Write a checkpoint of the step just completed, and remove what is not to be kept."""
    captured = state.capture(session.match)
    if session.fabric.is_global_zero:
        captured |= {
            "seconds": session.clock.seconds,
            "metrics_bytes": session.journal.offset(),
            "images": session.batches.images.fingerprint,
        }
        save_state(session.run.checkpoint(captured["step"]), captured)
        session.run.prune(session.config.checkpoint.keep)
    session.fabric.barrier()


def finish(session: Session) -> None:
    """Evaluate the finished generators, measure what a step costs, write cost.json and report."""
    config, run, seconds = session.config, session.run, session.clock.seconds
    look(session, config.steps)
    timed = timing.compare(session.match, session.batches, seconds=min(8.0, 0.05 * seconds))
    if session.fabric.is_global_zero:
        summary = run_cost.summary(
            config,
            {
                pair: layer_costs(config, game.G, game.D)
                for pair, game in session.match.games.items()
            },
            read_events(run.metrics),
            seconds=seconds,
            timed=timed,
        )
        atomic_write_text(run.cost, json.dumps(finite(summary), indent=2))
        rate = config.steps / max(seconds, 1e-9)
        session.journal.write("end", config.steps, seconds=seconds, steps_per_second=rate)
        report.write([run.path], run.report)
    session.fabric.barrier()


def _new_run(config: Config, fabric: Fabric) -> RunDirectory:
    """Rank 0 makes the directory; all ranks learn its path, or why there is none."""
    answer = ""
    if fabric.is_global_zero:
        chosen = config.run.directory
        free = free_name(str(config.data.source), config.method.name)
        try:
            answer = str(create(Path(chosen).expanduser() if chosen else free).path)
        except SparseganError as error:
            answer = f"!{error}"
    answer = fabric.broadcast(answer)
    if answer.startswith("!"):
        raise SparseganError(answer[1:])
    return RunDirectory(Path(answer))
