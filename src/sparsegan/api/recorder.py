"""What a loop of one's own leaves in a folder: events, samples, a report, costs, a small file."""

import functools
import json
import logging
import time
import weakref
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import torch
from torch import Tensor

from sparsegan import export, metrics, ranks, report
from sparsegan.api.forwards import Forwards
from sparsegan.draw import pictures, sampling
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_bytes, atomic_write_text
from sparsegan.health import Health
from sparsegan.methods import METHODS, Method, StepEvents
from sparsegan.metrics import FeatureNetwork
from sparsegan.nets.own import Maker
from sparsegan.record import events, run_cost
from sparsegan.record.events import Evaluation, Event
from sparsegan.record.journal import Journal
from sparsegan.record.metrics_log import MetricsLog, finite, history, line
from sparsegan.record.run import HeldError, RunDirectory, hold
from sparsegan.settings.config import Config, MethodChoice
from sparsegan.train.clock import Clock
from sparsegan.train.log import begin_log
from sparsegan.undisturbed import undisturbed

log = logging.getLogger("sparsegan")


class Recorder:
    """Records a loop of one's own, so that it has what `sparsegan train` leaves of a run.

    The folder gets metrics.jsonl, samples/, and at the end cost.json and report.html; `sparsegan
    report FOLDER` writes the page at any time. What goes wrong is noticed as in a run, logged and
    recorded. Of several processes only the first one writes; all build and call it, and what it
    returns is None on the others. Until `finish` or `close` no other process, and no other
    recorder, can write into the folder.

    Args:
        method: The method of the loop; build it, and where a loop goes on load its state, before
            the recorder, and the recorder before the first step.
        folder: New or empty; where a loop goes on, that of its recorder before: what was recorded
            after the step that the method stands at is forgotten.
        every: Steps between two lines of losses.
        batch_size: Real images of a discriminator step; None: as many as the generator makes first.
        generator_batch_size: Images of a generator step; None: likewise.

    Raises:
        SparseganError: The folder is in use, or the method has no step that a recorder could go
            on from.

    Example:
        Three lines in a loop::

            recorder = sparsegan.Recorder(method, "runs/mine")
            ...
                done = method.after_generator_step(scores, z=z, real=real)
                recorder.step(done, generator_loss=loss_G, discriminator_loss=loss_D)
            ...
            recorder.finish()
    """

    def __init__(
        self,
        method: Method,
        folder: str | PathLike[str],
        *,
        every: int = 50,
        batch_size: int | None = None,
        generator_batch_size: int | None = None,
    ) -> None:
        if every < 1:
            raise SparseganError(f"every is {every}: it must be a whole number from 1 up")
        self.method, self.directory = method, Path(folder)
        self._run, self._every = RunDirectory(self.directory), every
        self._batches = batch_size, generator_batch_size
        self._page: Path | None = None
        self._closed = False
        self._log = self._claim()
        self._forwards = Forwards(method)
        self._journal = Journal(self._log)
        health = Health(method.steps, self._journal.past())
        # Not a method of the recorder's, so that one that nobody has any more is gone at once.
        self._journal.listener = functools.partial(_watch, self._journal, health)
        past = [e.seconds or 0.0 for e in self._journal.past() if isinstance(e, events.Progress)]
        self._begun = method.step > 0
        self._clock = Clock(max(past, default=0.0))
        self._clock.start(method.step)

    # ---- in the loop

    def step(
        self,
        done: StepEvents,
        *,
        generator_loss: Tensor | float | None = None,
        discriminator_loss: Tensor | float | None = None,
    ) -> None:
        """Record a step; call it once after each `after_generator_step`.

        Args:
            done: What that returned.
            generator_loss: Of this step.
            discriminator_loss: Of D's last step.
        """
        if self._log is None:
            return
        self._require_open()
        if not self._begun:
            self._begin()
        self._journal.step(None, done)
        if done.changes:
            self._journal.kernels(done.step, None, self.method)
        if done.step % self._every and done.step != self.method.steps:
            return
        reading = done.reading
        self._journal.write(
            events.Progress(
                step=done.step,
                seconds=self._clock.seconds,
                steps_per_second=self._clock.lap(done.step),
                generator_loss=_number(generator_loss),
                discriminator_loss=_number(discriminator_loss),
                generator_gradient_norm=self._gradient_norm(),
                discriminator_gradient_norm=None,
                generator_density=self.method.generator.masks.density,
                discriminator_density=self.method.discriminator.masks.density,
                balance_ratio=None if reading is None else _number(reading.value),
            )
        )

    def draw(self, *inputs: Tensor) -> Tensor:
        """Images of the averaged generator, by statistics of their own batch.

        Networks, averages and random states are afterwards as they were, to the bit.

        Args:
            inputs: What the generator is called with: noise, and labels where it takes them.
        """
        module, ema = self.method.generator.module, self.method.ema
        averaged = nullcontext() if ema is None else ema.swapped()
        with undisturbed(module), torch.no_grad(), averaged:
            module.train()
            images: Tensor = module(*inputs)
        return images

    def samples(self, images: Tensor, columns: int | None = None) -> None:
        """Keep generated images of the step at hand as a grid, which the report shows.

        `draw` them always from the same noise, and one can follow an image through training.

        Args:
            images: In [-1, 1], or uint8, `(N, C, H, W)`.
            columns: Images in a row; None makes the picture about square.
        """
        if self._log is not None:
            self._require_open()
            pixels = _bytes(images)
            grid = pictures.grid(pixels, columns or max(1, round(len(pixels) ** 0.5)))
            with self._clock.paused():
                self._run.samples.mkdir(parents=True, exist_ok=True)
                pictures.save_png(self._run.sample(self.method.step), grid)

    def evaluate(
        self,
        generated: Tensor,
        real: Tensor,
        *,
        features: FeatureNetwork | str = "efficientnet-lite0",
        weights: Literal["ema", "live"] = "ema",
    ) -> Evaluation | None:
        """Compare generated images with real ones, and record it.

        Args:
            generated: In [-1, 1], or uint8, `(N, C, H, W)`; some hundreds at least.
            real: Real images likewise, as many; the same ones at every evaluation.
            features: The feature network, or its name.
            weights: What the images are drawn from, as a note.

        Returns:
            The numbers: `value` is the distance, `diversity` how much the images differ as a share
            of how much real ones do. None on all processes but the first.
        """
        if self._log is None:
            return None
        self._require_open()
        begun = time.perf_counter()
        with self._clock.paused():
            network = metrics.load_features(features) if isinstance(features, str) else features
            x, y = (metrics.extract(network, _bytes(images)) for images in (generated, real))
            kid = metrics.kid(x, y, seed=self.method.seed)
            grid = self._run.sample(self.method.step)
            event = Evaluation(
                step=self.method.step,
                metric=f"kid-{network.name}",
                value=kid.value,
                floor=None,
                low=kid.low,
                high=kid.high,
                diversity=metrics.diversity(x, y),
                n=len(x),
                seconds=time.perf_counter() - begun,
                bn="batch",
                weights=weights,
                grid=str(grid.relative_to(self.directory)) if grid.is_file() else None,
            )
        self._journal.write(event)
        return event

    # ---- what comes of it

    def cost(self) -> dict[str, Any] | None:
        """Weights, operations and bytes so far beside the dense equal, as in cost.json.

        Returns:
            The figures; None on all processes but the first.

        Raises:
            SparseganError: No step has been recorded.
        """
        return None if self._log is None else self._counted()

    def _counted(self) -> dict[str, Any]:
        past = self._journal.past()
        starts = [event for event in past if isinstance(event, events.Start)]
        layers = run_cost.recorded(starts, self._run.metrics)
        if not layers:
            raise SparseganError(
                f"{self.directory} has no step recorded yet: call `step` in the loop first"
            )
        return run_cost.summary(self._config(), layers, past)

    def report(self, output: str | PathLike[str] | None = None) -> Path | None:
        """Write the report of what there is so far.

        Args:
            output: The file; None is report.html in the folder.

        Returns:
            Its path; None on all processes but the first.
        """
        if self._log is None:
            return None
        if not self._closed:
            self._journal.offset()
        return report.write([self.directory], Path(output or self._run.report))

    def export(
        self,
        generator: Maker,
        output: str | PathLike[str] | None = None,
        *,
        classes: int | None = None,
    ) -> Path | None:
        """Write the averaged generator to a small file, which `sparsegan.export.load` reads.

        Batch normalisation gets statistics estimated anew on the averaged weights.

        Args:
            generator: The generator's class, or a function that makes such a network, which is what
                `load` is to be called with as well; called with those of `latent_dim`,
                `image_size` and `channels` that its signature names.
            output: The file; None is generator.safetensors in the folder.
            classes: Number of classes, for a generator that takes labels.

        Returns:
            Its path; None on all processes but the first.

        Raises:
            SparseganError: The maker makes another network, or no forward has been seen yet.
        """
        if self._log is None:
            return None
        path = Path(output or self.directory / "generator.safetensors")
        frozen = export.freeze_own(
            self.method, generator, **self._forwards.shape(), classes=classes
        )
        export.write_packed(frozen, path)
        return path

    def finish(self) -> Path | None:
        """Say that the loop has come to its end; write cost.json and the report.

        Returns:
            The report's path, when called again, too; None on all processes but the first.

        Raises:
            SparseganError: The recorder was closed before, or no step has been recorded.
        """
        if self._page is not None:
            return self._page
        self._clock.stop()
        if self._log is None:
            self.close()
            return None
        self._require_open()
        atomic_write_text(self._run.cost, json.dumps(finite(self._counted()), indent=2))
        step, seconds = self.method.step, self._clock.seconds
        rate = step / max(seconds, 1e-9)
        self._journal.write(events.End(step=step, seconds=seconds, steps_per_second=rate))
        self._page = self.report()
        self.close()
        return self._page

    def close(self) -> None:
        """Leave the method alone and give the folder free, as after a loop that was stopped."""
        self._closed = True
        self._forwards.close()
        if self._log is not None:
            self._log.close()
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- parts

    def _claim(self) -> MetricsLog | None:
        """The first process's log; all learn why there is none."""
        opened, refusal = None, ""
        if ranks.is_first():
            try:
                opened = self._open()
            except SparseganError as error:
                refusal = str(error)
                if ranks.count() == 1:
                    raise
        refusal = _of_first(refusal, self.method.generator.masks.flat.device)
        if refusal:
            raise SparseganError(refusal)
        return opened

    def _open(self) -> MetricsLog:
        step, path = self.method.step, self._run.metrics
        if self._run.config.exists():
            raise SparseganError(f"{self.directory} is a run of `sparsegan train`: take another")
        if step and not path.is_file():
            raise SparseganError(
                f"the method stands at step {step}, and {self.directory} has no record up to it: "
                "name the folder of the recorder before, or begin a recorder at step 0"
            )
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SparseganError(f"cannot make {self.directory}: {error.strerror}") from None
        try:
            lock = hold(self._run)
        except HeldError:
            raise SparseganError(
                f"another recorder writes into {self.directory}, of this process or of another: "
                "take another folder, or close() that one first"
            ) from None
        self._release = weakref.finalize(self, lock.release)  # at the program's end, too
        try:
            if step == 0 and path.exists() and path.stat().st_size:
                raise SparseganError(
                    f"{self.directory} holds a record already: take another folder, or load the "
                    "method's state before the recorder is built, to go on"
                )
            if step:
                kept = [event for event in history(path) if event.step <= step]
                kept = [event for event in kept if not isinstance(event, events.End)]
                atomic_write_bytes(path, b"".join(map(line, kept)))
                self._run.forget_after(step)
            return MetricsLog(path)
        except BaseException:
            self._release()
            raise

    def _require_open(self) -> None:
        if self._closed:
            raise SparseganError(
                f"the recorder of {self.directory} is closed, and records nothing more: build one "
                "on the method as it stands to go on"
            )

    def _begin(self) -> None:
        """Write how the loop began, now that the networks have been seen at work."""
        self._begun = True
        device = self.method.generator.masks.flat.device
        begin_log(
            self._journal,
            self.method,
            self._forwards.costs(),
            name=_name(self.method),
            machine={"device": str(device), "threads": torch.get_num_threads()},
        )

    def _config(self) -> Config:
        """What costs depend on, as the settings of a run have it."""
        method, seen = self.method, self._forwards.batch_size
        batch, of_generator = (size or seen for size in self._batches)
        each = max(1, round(method.discriminator_steps / max(1, method.step)))
        return Config(
            method=MethodChoice(_name(method), method.settings),
            steps=max(1, method.step),
            batch_size=batch,
            generator_batch_size=of_generator,
            discriminator_steps=each,
        )

    def _gradient_norm(self) -> float | None:
        """Of the generator's gradient in the step just taken, where it is still there."""
        gradients = [
            parameter.grad
            for parameter in self.method.generator.module.parameters()
            if parameter.grad is not None
        ]
        if not gradients:
            return None
        return float(torch.linalg.vector_norm(torch.stack([g.float().norm() for g in gradients])))


def _watch(journal: Journal, health: Health, event: Event) -> None:
    for finding in health.follow(event):
        journal.write(events.Notice(step=event.step, message=finding.sentence))
        log.warning("step %d: %s", event.step, finding.sentence)


def _of_first(text: str, device: torch.device) -> str:
    """The first process's text, on every process."""
    content = text.encode()
    length = int(ranks.of_first(torch.tensor([len(content)], device=device)))
    if not length:
        return ""
    letters = torch.tensor(list(content) if ranks.is_first() else [0] * length, device=device)
    return bytes(ranks.of_first(letters).tolist()).decode()


def _name(method: Method) -> str:
    """The method's name among the settings; of one's own its class's."""
    names = {known: name for name, known in METHODS.items()}
    return names.get(type(method), type(method).__name__.lower())


def _number(value: Tensor | float | None) -> float | None:
    return float(value.detach()) if isinstance(value, Tensor) else value


def _bytes(images: Tensor) -> Tensor:
    images = images.detach()
    return (images if images.dtype == torch.uint8 else sampling.to_uint8(images)).cpu()
