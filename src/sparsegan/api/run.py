"""A run as an object: what it has made, and how it goes on."""

import html
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from sparsegan import export, report
from sparsegan.api.notebook import NotebookDisplay, in_notebook, newest_grids, picture
from sparsegan.cli.run_tables import ending
from sparsegan.draw import drawing, pictures, sampling
from sparsegan.errors import SparseganError, require_positive
from sparsegan.plan.plan import cost_of_run
from sparsegan.record import run as record
from sparsegan.record.events import Evaluation
from sparsegan.record.metrics_log import readable_events, readable_history
from sparsegan.record.run import RunDirectory
from sparsegan.settings import kinds, parse
from sparsegan.settings.config import Config
from sparsegan.train import loop
from sparsegan.train.cycle import translation
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.launch import process_rank
from sparsegan.train.progress import Shown
from sparsegan.train.stop import Interrupted
from sparsegan.train.trained import Trained, open_trained
from sparsegan.undisturbed import undisturbed

Checkpoint = Path | str | int | None
Direction = Literal["a_to_b", "b_to_a"]


@dataclass(frozen=True)
class Page:
    """A written report; a notebook shows it, and `open`, `str` and `Path` take it as its path."""

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" style="width:100%;height:600px;border:0"></iframe>'


class Run:
    """A run that `fit` or `sparsegan train` has made, trained to its end or not.

    Whatever takes a `checkpoint` takes `best` (that of the lowest evaluation), a step or a path;
    None is the newest.

    Args:
        directory: The run's directory.
        trust_code: Whether all code that its config.yaml names may be run.

    Attributes:
        directory: The run's directory.

    Raises:
        SparseganError: The directory is no run.
    """

    def __init__(self, directory: str | os.PathLike[str], *, trust_code: bool = False) -> None:
        self.directory = Path(directory)
        self._trust = trust_code
        self._run = record.open_run(self.directory)
        self._generators: dict[tuple[str, Direction | None], nn.Module] = {}

    # ---- what it is

    @property
    def config(self) -> Config:
        """Its settings, as resolved."""
        return parse.read(self._run.config)

    @property
    def step(self) -> int:
        """Generator steps of the newest checkpoint; 0 where there is none."""
        return max(self._run.checkpoint_steps(), default=0)

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return self._run.is_finished()

    @property
    def best_step(self) -> int | None:
        """The step of the lowest evaluation so far, or None."""
        return self._run.best_step()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What happened, oldest first: the lines of metrics.jsonl as dicts.

        ``pandas.DataFrame(run.events("train"))`` is a table of losses, densities and balance ratio;
        ``evaluate``, ``rewire`` and ``decision`` are other kinds, and docs/design.md has all.

        Args:
            kind: Of the events; None for all.
        """
        return [
            event for event in readable_events(self._run.metrics) if kind in (None, event["kind"])
        ]

    def cost(self) -> dict[str, Any]:
        """Weights, operations, bytes and seconds beside the dense equal, as in cost.json."""
        return cost_of_run(self.directory, trust_code=self._trust).cost

    # ---- what it has made

    @property
    def generator(self) -> nn.Module:
        """The newest generator, ready to draw: `generator_at`.

        Raises:
            SparseganError: There are two: `generator_at` takes a direction.
        """
        return self.generator_at()

    def generator_at(
        self, checkpoint: Checkpoint = None, *, direction: Direction | None = None
    ) -> nn.Module:
        """A generator with the averaged weights and the statistics that it is drawn by.

        Args:
            checkpoint: Which state of the run.
            direction: Of CycleGAN's two generators, which.

        Returns:
            A plain module on the CPU in evaluation mode, without gradients: noise
            `(N, latent_dim)` gives images `(N, C, H, W)` in [-1, 1]; one that has learnt classes
            takes labels besides, int64 `(N,)`, places in its `class_names`. One of CycleGAN's takes
            images `(N, C, H, W)` in [-1, 1] in place of noise.

        Raises:
            SparseganError: There is no such checkpoint, or several generators and none is named.
        """
        self._require_direction(direction)
        key = str(self._run.find_checkpoint(checkpoint)), direction
        if key not in self._generators:
            self._generators = {key: export.freeze(self.trained(checkpoint), direction).generator}
        return self._generators[key]

    def trained(self, checkpoint: Checkpoint = None) -> Trained:
        """Both networks under their method, as a checkpoint left them, to look at masks.

        Args:
            checkpoint: Which state of the run.
        """
        return open_trained(self.directory, checkpoint, trust_code=self._trust)

    def images(
        self,
        count: int = 64,
        *,
        seed: int = 0,
        only: str | None = None,
        checkpoint: Checkpoint = None,
        direction: Direction | None = None,
        sources: str | os.PathLike[str] | None = None,
    ) -> Tensor:
        """Generated images, uint8 `(count, C, H, W)`.

        Those of CycleGAN are translations, of at most so many as there are sources.

        Args:
            count: How many.
            seed: Of the noise.
            only: Name or number of the one class to draw, where there are classes.
            checkpoint: Which state of the run.
            direction: Of CycleGAN's two generators, which.
            sources: Folder or archive of images for it to translate; None: the run's test images.

        Raises:
            SparseganError: No image is asked for, there is no such class or checkpoint, or the
                direction is missing or out of place.
        """
        require_positive(count=count)
        generator = self.generator_at(checkpoint, direction=direction)
        if direction is not None:
            originals = self._originals(generator, direction, sources, count, seed, only)
            return translation.translated(generator, originals)
        self._require_no_sources(sources)
        label = None if only is None else drawing.class_label(generator, only)
        labels = None if label is None else torch.full((count,), label)
        return sampling.draw_images(generator, count, seed=seed, labels=labels)

    def sample(
        self,
        count: int = 64,
        *,
        seed: int = 0,
        only: str | None = None,
        columns: int | None = None,
        checkpoint: Checkpoint = None,
        direction: Direction | None = None,
        sources: str | os.PathLike[str] | None = None,
    ) -> Image.Image:
        """Generated images side by side, as one picture, which a notebook shows.

        Of CycleGAN it shows images with their translations to the right of them.

        Args:
            count: How many.
            seed: Of the noise.
            only: Name or number of the one class to draw; None has the classes take turns by rows.
            columns: Images in a row, or such pairs; None makes the picture about square.
            checkpoint: Which state of the run.
            direction: Of CycleGAN's two generators, which.
            sources: Folder or archive of images for it to translate; None: the run's test images.

        Raises:
            SparseganError: As `images`.
        """
        require_positive(count=count, columns=columns)
        generator = self.generator_at(checkpoint, direction=direction)
        if direction is not None:
            originals = self._originals(generator, direction, sources, count, seed, only)
            pairs = torch.stack([originals, translation.translated(generator, originals)], 1)
            of_pairs = columns or max(1, round((len(originals) / 2) ** 0.5))
            return pictures.grid(pairs.flatten(0, 1), 2 * of_pairs)
        self._require_no_sources(sources)
        return drawing.grid(generator, count, seed=seed, columns=columns, only=only)

    def evaluate(
        self,
        *,
        checkpoint: Checkpoint = None,
        images: int | None = None,
        metrics: list[str] | None = None,
        fresh: bool = False,
        direction: Direction | None = None,
    ) -> Evaluation:
        """Compare generated images with real ones; nothing is written.

        Args:
            checkpoint: Which state of the run.
            images: As `evaluate.images`; None as the run did.
            metrics: Of kid, frechet, prdc and classes; None as the run did.
            fresh: Draw other images than the run was evaluated by, as the best of a run needs.
            direction: Of CycleGAN's two generators, which.

        Returns:
            The numbers by name: `value` is the distance `metric`, `floor` that of real images.

        Raises:
            SparseganError: The direction is missing, or is of no generator, or no image is asked
                for; before any work.
        """
        require_positive(images=images)
        self._require_direction(direction)
        evaluations = evaluate_run(
            self.directory,
            checkpoint=checkpoint,
            images=images,
            numbers=metrics,
            fresh=fresh,
            trust_code=self._trust,
        )
        return next(event for event in evaluations if event.game == direction)

    def report(self, output: str | os.PathLike[str] | None = None) -> Page:
        """Write the report, one HTML page that needs no network; a notebook shows it.

        Args:
            output: The file; None is report.html in the run.
        """
        return Page(report.write([self.directory], Path(output or self._run.report)))

    def export(
        self,
        to: Literal["packed", "onnx", "html", "hub"] = "packed",
        output: str | os.PathLike[str] | None = None,
        *,
        checkpoint: Checkpoint = None,
        direction: Direction | None = None,
    ) -> Path:
        """Write the averaged generator to a file; `sparsegan.export.load` reads a packed one.

        Args:
            to: ``packed``, a small file of the active weights; ``onnx``; ``html``, a page that
                draws by itself; or ``hub``, a folder for the Hugging Face hub.
            output: The file or folder; None is generator.* in the run.
            checkpoint: Which state of the run.
            direction: Of CycleGAN's two generators, which.
        """
        self._require_direction(direction)
        where = None if output is None else Path(output)
        return export.export_run(
            self.directory, to, where, checkpoint, game=direction, trust_code=self._trust
        ).path

    # ---- how it goes on

    def resume(
        self,
        *,
        steps: int | None = None,
        checkpoint: Checkpoint = None,
        inexact: bool = False,
        show: bool = True,
    ) -> "Run":
        """Go on to the end, to the same bits as if the run had not been stopped.

        More steps than the schedules of a finished run allow are those of a new run that begins
        with its weights and masks: ``sparsegan.fit(start_run=run.directory, steps=10_000)``.

        Args:
            steps: How long the run is to be, where its schedules allow another length.
            checkpoint: Where to go on; what the run did later is forgotten.
            inexact: Go on although the machine differs in what the bits depend on.
            show: Whether to show anything.

        Returns:
            This run.

        Raises:
            SparseganError: As `sparsegan resume`.
            Interrupted: As `fit`.
        """
        require_one_process(self.config)
        self._generators.clear()  # a step that is trained again is another state
        trained_here(
            lambda shown: loop.resume(
                self.directory,
                shown,
                checkpoint=checkpoint,
                steps=steps,
                inexact=inexact,
                trust_code=self._trust,
            ),
            show=show,
        )
        return self

    # ---- which of its generators

    def _require_direction(self, direction: Direction | None) -> None:
        names = kinds.of(self.config.network.name).game_names
        if direction in names:
            return
        if None in names:
            raise SparseganError("the run has one generator: leave out direction")
        ways = " or ".join(f'direction="{name}"' for name in names)
        fault = "none is named" if direction is None else f"none is called {direction}"
        raise SparseganError(f"the run has several generators, and {fault}: pass {ways}")

    def _require_no_sources(self, sources: str | os.PathLike[str] | None) -> None:
        if sources is not None:
            raise SparseganError("the run makes images out of noise: leave out sources")

    def _originals(
        self,
        generator: nn.Module,
        direction: Direction,
        sources: str | os.PathLike[str] | None,
        count: int,
        seed: int,
        only: str | None,
    ) -> Tensor:
        """What a generator of CycleGAN is to translate, uint8 `(N, C, H, W)`."""
        if seed or only is not None:
            raise SparseganError("the run makes images out of images: leave out seed and only")
        if sources is not None:
            own = translation.sources_in(Path(sources), generator)
        else:
            own = translation.own_sources(self.config, direction)
        return own.at_most(count).images.pixels

    # ---- how it looks

    def __repr__(self) -> str:
        config, last = self.config, readable_history(self._run.metrics, Evaluation)
        state = "finished" if self.finished else "not finished"
        value = last[-1].value if last and isinstance(last[-1], Evaluation) else None
        quality = "" if value is None else f", distance {value:.4g} at step {last[-1].step}"
        return (
            f"Run({str(self.directory)!r}: {config.method.name}, "
            f"step {self.step} of {config.steps}, {state}{quality})"
        )

    def _repr_html_(self) -> str:
        grids = " ".join(picture(path) for path in newest_grids(self._run))
        return f"<div><code>{html.escape(repr(self))}</code><br>{grids}</div>"


def open_run(directory: str | os.PathLike[str], *, trust_code: bool = False) -> Run:
    """A run that `fit` or `sparsegan train` has made, by its directory.

    Args:
        directory: Such as runs/folder-adapt-1.
        trust_code: Whether all code that its config.yaml names may be run.

    Raises:
        SparseganError: The directory is no run.
    """
    return Run(directory, trust_code=trust_code)


def is_interactive() -> bool:
    """Whether somebody is at a prompt or in a notebook, who has the run in hand after a stop."""
    return in_notebook() or hasattr(sys, "ps1")


def require_one_process(config: Config) -> None:
    """Refuse several processes where there is no program that they could run.

    Raises:
        SparseganError: A notebook, or a prompt, is to train in several.
    """
    if config.fabric.devices > 1 and is_interactive():
        raise SparseganError(
            f"fabric.devices is {config.fabric.devices}, and a notebook has one process: train "
            "with `sparsegan train`, and open the run with sparsegan.open_run"
        )


def trained_here(work: Callable[[Shown], RunDirectory], *, show: bool) -> RunDirectory:
    """Train inside of a program, and say at the end what came of it.

    The program's threads and random states are afterwards as they were.

    Args:
        work: Trains, showing it where it is told to.
        show: Whether to show anything.

    Returns:
        The run's directory, also of a run that was stopped by somebody at a prompt.

    Raises:
        Interrupted: The run was stopped, and nobody is at a prompt.
    """
    shown: Shown = None
    if show:
        shown = NotebookDisplay if in_notebook() else Console()
    threads = torch.get_num_threads()
    try:
        with undisturbed():
            run = work(shown)
    except Interrupted as stop:
        if not is_interactive():
            raise
        print(f"{stop}; its state is saved, and .resume() goes on")
        return RunDirectory(stop.run)
    finally:
        torch.set_num_threads(threads)
    if show and process_rank() == 0:
        print("\n".join(ending(run)))
    return run
