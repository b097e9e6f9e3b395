"""The training loop, and how a run begins, goes on after a stop, and ends."""

import gc
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sparsegan import report
from sparsegan.files import atomic_write_text
from sparsegan.record import events, run_cost
from sparsegan.record.checkpoint import save_state
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog, finite, history
from sparsegan.record.run import RunDirectory, hold, open_run
from sparsegan.record.run_cost import GameLayers
from sparsegan.record.trackers import tracking
from sparsegan.record.trackers.tracking import Tracking
from sparsegan.settings import parse, trust
from sparsegan.settings.config import Config, Tracker
from sparsegan.settings.kinds import label
from sparsegan.settings.values import fit
from sparsegan.train import (
    claim,
    heartbeat,
    kinds,
    log,
    memory,
    opening,
    resumption,
    start,
    state,
    timing,
)
from sparsegan.train.beside import in_words
from sparsegan.train.clock import Clock
from sparsegan.train.evaluate import sentence
from sparsegan.train.games import Games
from sparsegan.train.kinds import AnyBatches, AnyEvaluation, AnyImages
from sparsegan.train.launch import launch, process_rank, seed_everything
from sparsegan.train.layer_costs import layer_costs
from sparsegan.train.progress import ProgressDisplay, Shown, display_on
from sparsegan.train.resumption import Resumption
from sparsegan.train.stop import Interrupted, StopRequest
from sparsegan.train.watching import FailingError, Watching

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Begun = Callable[[RunDirectory], str]
"""Is told of a run that begins or goes on; returns a line to show."""


@dataclass
class Session:
    """Everything that one run has at hand while it trains."""

    config: Config
    fabric: "Fabric"
    run: RunDirectory
    games: Games
    batches: AnyBatches
    evaluation: AnyEvaluation
    journal: Journal
    clock: Clock
    display: ProgressDisplay
    stop: StopRequest
    watching: Watching
    evaluation_seconds: float = 0.0
    """Of the last evaluation."""


@heartbeat.watched
def train(
    config: Config,
    console: Shown = None,
    *,
    notes: Sequence[str] = (),
    begun: Begun | None = None,
) -> RunDirectory:
    """Train a run from its first step to its last, on one or several processes.

    Args:
        config: All settings; what is None is filled in from data and machine.
        console: Where to show progress (`progress.Shown`); None for silence.
        notes: Lines on where the settings are from, which config.yaml begins with.
        begun: Called by the first process once the run's directory has all that it begins with;
            the line that it returns is shown.

    Returns:
        The run's directory, complete with report.

    Raises:
        SparseganError: Bad settings or data, or losses that are not finite.
        Interrupted: After Ctrl-C or SIGTERM, when the state is saved.
    """
    return _begin(config, None, console, notes, begun=begun)


@heartbeat.watched
def resume(
    path: Path,
    console: Shown = None,
    *,
    checkpoint: Path | str | int | None = None,
    steps: int | None = None,
    track: Sequence[str] | None = None,
    inexact: bool = False,
    repair: bool = False,
    trust_code: bool = False,
    begun: Begun | None = None,
) -> RunDirectory:
    """Go on with a run that was stopped, to the same bits as if it had not been.

    One that was killed before its first checkpoint begins anew; of one that has ended, what is
    missing of its end is made.

    Args:
        path: The run's directory.
        console: Where to show progress (`progress.Shown`); None for silence.
        checkpoint: Where to go on: `best`, a step or a path; None is the newest. What the run did
            later is forgotten.
        steps: How long the run is to be, where its schedules allow another length; None: as it is.
        track: What is to show the run from now on (the setting `track`); None: what has so far.
        inexact: Go on although the machine differs in what the bits depend on.
        repair: Go on with what can be read of a metrics.jsonl that is damaged or lost.
        trust_code: Whether all code that config.yaml names may be run (see `trust`).
        begun: As in `train`.

    Returns:
        The run's directory, complete with report.

    Raises:
        SparseganError: The directory is no run, another process trains it, or it names code that
            is not trusted; its checkpoint is damaged, of another network, of other settings, or
            from other conditions. Nothing of the run is touched then.
        Interrupted: As in `train`.
    """
    run = open_run(path)
    first = process_rank() == 0
    lock = hold(run) if first else None
    try:
        config = parse.read(run.config)
        trust.require(config, run.config, trust_code=trust_code)
        run.require_own_folders()
        if track is not None:
            config = replace(config, track=fit("track", track, tuple[Tracker, ...]))
            parse.check(config)
        tracking.require(config.track)
        if checkpoint is None and run.end_step() == (steps or config.steps) == config.steps:
            if first:
                resumption.complete(run, repair_log=repair)
                if track is not None:
                    _show(run, config, console)
            return run
        if checkpoint is None and not resumption.has_begun(run):
            return _begin(replace(config, steps=steps or config.steps), run, console, begun=begun)
        going = resumption.read(run, checkpoint, steps=steps, track=config.track, repair_log=repair)
        return _go_on(going, console, inexact=inexact, begun=begun)
    finally:
        if lock is not None:
            lock.release()


def _show(run: RunDirectory, config: Config, console: Shown) -> None:
    """Pass a finished run on to its trackers."""
    followers = Tracking(config.track, run, config)
    for look in followers.look:
        if isinstance(console, Console):
            console.print(
                f"to watch the run: {look}", soft_wrap=True, highlight=False, markup=False
            )
    followers.close()


def _begin(
    config: Config,
    run: RunDirectory | None,
    console: Shown,
    notes: Sequence[str] = (),
    *,
    begun: Begun | None,
) -> RunDirectory:
    """Train from the first step, in a new directory or in one that holds no step yet."""
    tracking.require(config.track)
    images = kinds.of(config).load_images(config)
    fabric = launch(config)
    config = kinds.of(config).resolve(config, images)
    trust.remember(trust.code_of(config).values())  # who trains with it may sample with it
    games, batches, evaluation = _parts(config, images, fabric)
    config, sentences = start.begin(config, games)
    # All that can be refused has been by now: nothing is written for a run that cannot begin.
    if run is not None:
        if fabric.is_global_zero:
            run.forget_after(0)
            run.metrics.unlink(missing_ok=True)
            resumption.rewrite(run, config)
        return _train_on(
            config, run, games, batches, evaluation, console, sentences=sentences, begun=begun
        )
    run, lock = claim.new_run(config, fabric)
    try:
        config = replace(config, run=replace(config.run, directory=str(run.path)))
        if fabric.is_global_zero:
            parse.write(run.config, config, notes)
        return _train_on(
            config, run, games, batches, evaluation, console, sentences=sentences, begun=begun
        )
    finally:
        if lock is not None:
            lock.release()


def _go_on(
    going: Resumption, console: Shown, *, inexact: bool, begun: Begun | None
) -> RunDirectory:
    config, saved = going.config, going.saved
    images = kinds.of(config).load_images(config)
    if images.fingerprint != saved["images"] and not inexact:
        raise state.ConditionsError(
            f"the images of {images.name} are not those that the run began with",
            ": restore them, or go on with --inexact",
        )
    fabric = launch(config)
    games, batches, evaluation = _parts(config, images, fabric)
    state.restore(games, saved, inexact=inexact)
    fabric.barrier()  # every process has read what the first one is about to change
    if fabric.is_global_zero:
        going.touch(games)
    return _train_on(
        config,
        going.run,
        games,
        batches,
        evaluation,
        console,
        seconds=saved["seconds"],
        begun=begun,
    )


def _parts(
    config: Config, images: AnyImages, fabric: "Fabric"
) -> tuple[Games, AnyBatches, AnyEvaluation]:
    memory.require(config)
    kind = kinds.of(config)
    evaluation = kind.evaluation(config, images)
    seed_everything(config, fabric.global_rank)
    batches = kind.batches(images, config, fabric.global_rank, fabric.world_size, fabric.device)
    with memory.enough():
        return kind.games(config, fabric), batches, evaluation


def _train_on(
    config: Config,
    run: RunDirectory,
    games: Games,
    batches: AnyBatches,
    evaluation: AnyEvaluation,
    console: Shown,
    *,
    seconds: float | None = None,
    sentences: Sequence[str] = (),
    begun: Begun | None = None,
) -> RunDirectory:
    """Train to the end: from the start, with sentences to say, or after so many seconds."""
    heartbeat.can_be_resumed(run.path)
    fabric = games.fabric
    first = fabric.is_global_zero
    followers = Tracking(config.track if first else (), run, config)
    metrics = MetricsLog(run.metrics, followers.follow) if first else None
    journal = Journal(metrics)
    display = display_on(console if first else None, run, config.steps, games.step)
    session = Session(
        config=config,
        fabric=fabric,
        run=run,
        games=games,
        batches=batches,
        evaluation=evaluation,
        journal=journal,
        clock=Clock(seconds or 0.0),
        display=display,
        stop=StopRequest(run),
        watching=Watching(config, journal, display),
    )
    try:
        with session.display, session.stop, memory.enough():
            splits = evaluation.splits
            held_out = [images.notes.held_out for images in splits.values()]
            names = opening.class_names(splits)
            about = opening.opening(
                config, len(batches.images), held_out, opening.weights_of(games), names
            )
            for line in [*about, f"run       {run.path}"]:
                session.display.say(line)
            for game in games:
                for warning in game.method.inspection.warnings:
                    session.display.say(f"{game.label(f'step {games.step}')}: {warning}")
            for look in followers.look:
                session.display.say(f"to watch the run: {look}")
            if seconds is None:
                games.choose_kernels(batches.generator_latents(1), batches.real(1, 0))
                session.display.say(opening.kernels(games))
                log.start(session.journal, games)
                session.journal.data(splits)
                for message in sentences:
                    session.journal.write(events.Notice(step=0, message=message))
                    session.display.say(message)
                save(session)
            # After the kernels are timed, which another process would disturb.
            if first and begun is not None:
                session.display.say(begun(run))
            with settled():
                steps(session)
        finish(session)
    finally:
        followers.close()
        if metrics is not None:
            metrics.close()
    return run


def steps(session: Session) -> None:
    """The loop: every generator step from where the run stands to the last."""
    config, games, batches, clock = session.config, session.games, session.batches, session.clock
    if games.step == 0:
        if config.evaluate.images:
            session.display.say("before the first step the untrained generator is judged")
        evaluate(session, 0)
    clock.start(games.step)
    estimate = opening.Estimate(config, games.step, clock)
    for step in range(games.step + 1, config.steps + 1):
        reals = []
        for k in range(games.discriminator_steps):
            reals.append(batches.real(step, k))
            drawn = batches.latents(step, k), batches.random_numbers(step, k)
            games.discriminator_step(step, reals[k], *drawn, k=k)
        latents = batches.generator_latents(step)
        games.generator_step(step, latents)

        best = False
        # Before the masks move: a network is judged by the weights that it was trained with.
        if not games.evaluated_last:
            best = evaluate_on_the_way(session, step)

        games.after_generator_step(latents, *reals)
        for game in games:
            session.journal.step(game.name, game.events)
            if game.events.changes:
                session.journal.kernels(step, game.name, game.method)
        if games.evaluated_last:
            best = evaluate_on_the_way(session, step)
        session.display.advance(step)
        if said := estimate.after(step, session.evaluation_seconds):
            session.display.say(said)
        if step % config.log_every == 0 or step == config.steps:
            session.display.show(log.progress(session.journal, games, clock, step))

        stopped = session.stop.agreed(session.fabric)
        failing = session.watching.gives_up(session.fabric) if step < config.steps else ""
        if (
            stopped
            or failing
            or best
            or step == config.steps
            or step % config.checkpoint.every == 0
        ):
            with clock.paused():
                save(session)
        if stopped:
            raise Interrupted(stopped, step, session.run.path)
        if failing:
            give_up(session, step, failing)
    clock.stop()


@contextmanager
def settled() -> Iterator[None]:
    """A time in which no collection of garbage walks through what was there before it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def evaluate_on_the_way(session: Session, step: int) -> bool:
    """`evaluate`, outside of the run's seconds; not after the last step, which `finish` does."""
    if step == session.config.steps:
        return False
    with session.clock.paused():
        return evaluate(session, step)


def evaluate(session: Session, step: int) -> bool:
    """Draw and evaluate where it is due; returns whether this is the best evaluation so far.

    Only the first process does so; the others wait.
    """
    best = False
    if session.fabric.is_global_zero:
        evaluations = session.evaluation(session.run, session.games, step)
        if evaluations:
            session.evaluation_seconds = sum(event.seconds or 0.0 for event in evaluations)
        for event in evaluations:
            session.journal.write(event)
            at = label(f"step {step}", event.game)
            session.display.say(f"{at}: {sentence(event)}")
            # The Fréchet distance says about the same as the value.
            if besides := "; ".join(in_words(replace(event, frechet=None))):
                session.display.say(f"{at}: {besides}")
        best = bool(evaluations) and session.run.best_step() == step
    heartbeat.first_is_done()
    return bool(session.fabric.broadcast(best))


def save(session: Session) -> None:
    """Write a checkpoint of the step just completed, and remove what is not to be kept."""
    captured = state.capture(session.games)
    if session.fabric.is_global_zero:
        captured |= {
            "seconds": session.clock.seconds,
            "metrics_bytes": session.journal.offset(),
            "images": session.batches.images.fingerprint,
        }
        save_state(session.run.checkpoint(captured["step"]), captured)
        session.run.prune(session.config.checkpoint.keep)
    heartbeat.first_is_done()
    session.fabric.barrier()


def give_up(session: Session, step: int, because: str) -> None:
    """Leave a run that has failed, with its report, and at its best checkpoint where asked to.

    Raises:
        FailingError: Always, on every process.
    """
    run = session.run
    shown = shlex.quote(str(run.path))
    left = f"its state is saved: `sparsegan resume {shown}` goes on all the same, or "
    if session.fabric.is_global_zero:
        best = run.go_back() if session.config.when_failing == "back" else None
        if best is not None:  # to resume it would be to fail again, to the bit
            left = f"it was taken back to its best checkpoint, of step {best}: "
        session.journal.offset()
        report.write([run.path], run.report)
    heartbeat.first_is_done()
    session.fabric.barrier()
    raise FailingError(
        f"stopped after step {step}: {because} ({left}`sparsegan train --from {shown}` begins a "
        "run with its weights and other settings)"
    )


def finish(session: Session) -> None:
    """Evaluate the finished generators, measure what a step costs, write cost.json and report."""
    config, run, seconds = session.config, session.run, session.clock.seconds
    evaluate(session, config.steps)
    timed = timing.compare(session.games, session.batches, seconds=min(8.0, 0.05 * seconds))
    if session.fabric.is_global_zero:
        summary = run_cost.summary(
            config,
            [GameLayers(game.name, layer_costs(config, game.G, game.D)) for game in session.games],
            history(run.metrics),
            seconds=seconds,
            timed=timed,
        )
        atomic_write_text(run.cost, json.dumps(finite(summary), indent=2))
        rate = config.steps / max(seconds, 1e-9)
        end = events.End(step=config.steps, seconds=seconds, steps_per_second=rate)
        session.journal.write(end)
        session.journal.offset()  # on the disk, before the report says so
        report.write([run.path], run.report)
    heartbeat.first_is_done()
    session.fabric.barrier()
