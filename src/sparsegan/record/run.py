"""The run directory: the one place that knows where the files of a run are."""

import itertools
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from sparsegan.errors import SparseganError
from sparsegan.files import is_left_behind, leads_out
from sparsegan.locks import FileLock, no_locks
from sparsegan.nearest import nearest_name
from sparsegan.record import evaluations
from sparsegan.record.checkpoint import State, load_state
from sparsegan.record.events import End, Evaluation, Repair, Rewinding, Rewiring, Start
from sparsegan.record.metrics_log import readable_history

log = logging.getLogger("sparsegan")

_CHECKPOINT = "step-{:08d}.safetensors"


class HeldError(SparseganError):
    """Another process trains the run."""


@dataclass(frozen=True)
class RunDirectory:
    """Paths of one run; making one of these touches no file."""

    path: Path

    @property
    def config(self) -> Path:
        """config.yaml, the settings as resolved."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """metrics.jsonl, what happened."""
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        """evaluations.jsonl, how good checkpoints are that were evaluated afterwards."""
        return self.path / evaluations.FILE

    @property
    def cost(self) -> Path:
        """cost.json, weights, operations and seconds."""
        return self.path / "cost.json"

    @property
    def report(self) -> Path:
        """report.html, the page to look at."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """.lock, which a process that trains the run has locked."""
        return self.path / ".lock"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of the sample grids."""
        return self.path / "samples"

    @property
    def nearest(self) -> Path:
        """Folder of the last samples beside their nearest training images."""
        return self.path / "nearest"

    def neighbours(self, step: int) -> Path:
        """Samples after `step` generator steps beside their nearest training images."""
        return self.nearest / f"step-{step:08d}.png"

    def checkpoint(self, step: int) -> Path:
        """The checkpoint after `step` generator steps."""
        return self.checkpoints / _CHECKPOINT.format(step)

    def sample(self, step: int, game: str = "") -> Path:
        """The sample grid after `step` generator steps, of one of several games where named."""
        return self.samples / game / f"step-{step:08d}.png"

    def grids(self) -> list[tuple[int, Path]]:
        """Steps that have a sample grid, ascending, each with it; of a run of one game."""
        return _by_step(self.samples.glob("step-*.png"), self.sample)

    def checkpoint_steps(self) -> list[int]:
        """Steps that have a checkpoint, ascending."""
        own = _by_step(self.checkpoints.glob("step-*.safetensors"), self.checkpoint)
        return [step for step, _ in own]

    def newest_checkpoint(self) -> Path:
        """The latest checkpoint.

        Raises:
            SparseganError: There is none yet.
        """
        steps = self.checkpoint_steps()
        if not steps:
            raise SparseganError(
                f"{self.path} has no checkpoint yet: begin again with `sparsegan train --config "
                f"{self.config} --run.directory NEW`"
            )
        return self.checkpoint(steps[-1])

    def find_checkpoint(self, which: Path | str | int | None = None) -> Path:
        """A checkpoint by what a user calls it.

        Args:
            which: `best`, that of the lowest evaluation; the number of its step; its path; None:
                the latest.

        Raises:
            SparseganError: There is none, or no such one; the sentence lists those there are.
        """
        if which is None:
            return self.newest_checkpoint()
        wanted = str(which)
        if wanted == "best":
            step = self.best_step()
            if step is None:
                raise SparseganError(
                    f"no checkpoint of {self.path} is the best, since nothing has been evaluated: "
                    f"{self._listed()}"
                )
        elif wanted.isdecimal():
            step = int(wanted)
        elif Path(wanted).is_file():
            return Path(wanted)
        else:
            raise SparseganError(f"there is no checkpoint {wanted}: {self._listed()}")
        if step not in self.checkpoint_steps():
            called = f"best checkpoint, of step {step}," if wanted == "best" else f"step {step}"
            raise SparseganError(f"{self.path} has no checkpoint of {called}: {self._listed()}")
        return self.checkpoint(step)

    def load(self, which: Path | str | int | None = None) -> State:
        """The state in a checkpoint, by what a user calls it.

        Raises:
            SparseganError: There is none (`find_checkpoint`), or it is damaged.
        """
        while True:
            path = self.find_checkpoint(which)
            try:
                return load_state(path)
            except SparseganError:
                # The process that trains the run may have written a newer one and removed this.
                if path.exists() or path == self.find_checkpoint(which):
                    raise

    def _listed(self) -> str:
        steps = ", ".join(map(str, self.checkpoint_steps()))
        return f"those that it has are of the steps {steps}" if steps else "it has none yet"

    def end_step(self) -> int | None:
        """The step at which the run has come to its end, with all that is computed there.

        None if something of it is missing, but for the report, which can be written at any time.
        """
        step_of = {type(event): event.step for event in readable_history(self.metrics, Start, End)}
        end, steps = step_of.get(End), self.checkpoint_steps()
        # A user who has removed all checkpoints wants none.
        whole = {Start, End} <= step_of.keys() and self.cost.is_file()
        return end if whole and (not steps or end in steps) else None

    def is_finished(self) -> bool:
        """Whether the run has come to its end."""
        return self.end_step() is not None

    def best_step(self) -> int | None:
        """The step with the lowest evaluation so far, or none; of several games, by their mean.

        What came before weights were pruned, or before a training began anew, was of another
        network than the run is for; step 0, before any training, counts where nothing else does.
        """
        evaluations: dict[int, list[float | None]] = {}
        for event in readable_history(self.metrics, Evaluation, Rewiring, Rewinding):
            if isinstance(event, Rewinding) or getattr(event, "reason", "") == "prune":
                evaluations.clear()
            if isinstance(event, Evaluation):
                evaluations.setdefault(event.step, []).append(event.value)
        means = [
            (fmean(value for value in values if value is not None), step)
            for step, values in evaluations.items()
            if None not in values
        ]
        trained = [mean for mean in means if mean[1]]
        return min(trained or means)[1] if means else None

    def prune(self, keep: int) -> None:
        """Remove all checkpoints but the newest `keep` and the one with the best evaluation.

        Those that are older than a loss of metrics.jsonl stay: which was the best is not known.
        """
        steps = self.checkpoint_steps()
        spared = {*steps[-keep:], self.best_step()}
        repairs = readable_history(self.metrics, Repair)
        lost = max((event.step for event in repairs), default=-1)
        for step in steps:
            if step not in spared and step > lost:
                self.checkpoint(step).unlink()

    def go_back(self) -> int | None:
        """Remove the checkpoints that are later than that of the best evaluation; its step.

        What the log and the grids say of later steps stays. None, and nothing is removed, where
        there is no best checkpoint of a step that was trained.
        """
        best, steps = self.best_step(), self.checkpoint_steps()
        if not best or best not in steps:
            return None
        for step in steps:
            if step > best:
                self.checkpoint(step).unlink()
        return best

    def forget_after(self, step: int) -> None:
        """Remove everything later than `step`, and what killed writes left behind.

        That is checkpoints, grids, cost.json and the report.
        """
        for later in self.checkpoint_steps():
            if later > step:
                self.checkpoint(later).unlink()
        for grid in (*self.samples.rglob("step-*.png"), *self.nearest.glob("step-*.png")):
            if _step(grid) > step:
                grid.unlink()
        evaluations.forget_after(self.path, step)
        self.cost.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Remove what killed writes left behind; others may be writing exports, which stay."""
        own = (self.config, self.metrics, self.cost, self.report)
        folders = (self.checkpoints, self.samples, self.nearest)
        left = [file for path in own for file in self.path.glob(f".{path.name}.*.tmp")]
        left += [file for path in folders for file in path.rglob(".*.tmp")]
        for file in left:
            if is_left_behind(file):
                file.unlink(missing_ok=True)

    def is_vacant(self) -> bool:
        """Whether there is nothing yet, or only what a process leaves that is killed at once."""
        if not self.path.exists():
            return True
        if not self.path.is_dir():
            return False
        own = {self.lock, self.checkpoints, self.samples}
        others = [path for path in self.path.iterdir() if path not in own]
        unborn = all(path.name.startswith(f".{self.config.name}.") for path in others)
        folders = [path for path in (self.checkpoints, self.samples) if path.exists()]
        return unborn and not any(any(path.iterdir()) for path in folders if path.is_dir())

    def require_own_folders(self) -> None:
        """Refuse to write and delete in folders elsewhere, to which a copied run may have links.

        Raises:
            SparseganError: A folder of the run is a link that leads out of it.
        """
        for folder in (self.checkpoints, self.samples, self.nearest):
            if leads_out(folder, self.path):
                raise SparseganError(
                    f"{folder} is a link to {folder.resolve()}, where a resumed run would write "
                    "and remove files: put the folder itself there (the run directory as a whole "
                    "may be a link)"
                )


def create(path: Path) -> RunDirectory:
    """Make the directory of a new run.

    Raises:
        SparseganError: There is a file of that name, or a directory that is not empty.
    """
    run = RunDirectory(path)
    if not run.is_vacant():
        if run.lock.is_file():
            hold(run).release()  # says so where it is being trained
        go_on = ""
        if run.config.is_file():
            go_on = f", or continue the run with `sparsegan resume {path}`"
        raise SparseganError(
            f"{path} exists and is not empty: choose another --run.directory{go_on}"
        )
    try:
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        run.samples.mkdir(exist_ok=True)
    except OSError as error:
        raise SparseganError(f"cannot make the run directory {path}: {error.strerror}") from None
    return run


def hold(run: RunDirectory) -> FileLock:
    """Lock a run for as long as this process trains it; reading it needs no lock.

    Raises:
        HeldError: Another process trains it.
        SparseganError: Nothing can be written into it.
    """
    lock = FileLock(run.lock)
    try:
        ours = lock.acquire()
    except OSError as error:
        if not no_locks(error):
            raise SparseganError(f"cannot write into {run.path}: {error.strerror}") from None
        log.warning("no locks in %s: see that no second process trains this run", run.path)
        return lock
    if not ours:
        raise HeldError(
            f"{run.path} is being trained by another process: wait for its end, or stop it first; "
            f"`sparsegan report {run.path}` shows how far it is"
        )
    return lock


def open_run(path: Path) -> RunDirectory:
    """The directory of a run that `train` has made.

    Raises:
        SparseganError: There is none.
    """
    run = RunDirectory(path)
    if run.config.is_file():
        return run
    if path.is_file():
        raise SparseganError(f"{path} is a file: name the directory of a run that `train` has made")
    if path.is_dir():
        inside = sorted(each for each in path.glob("*.safetensors") if each.is_file())
        exported = f", or a generator in it ({inside[0]})" if inside else ""
        raise SparseganError(
            f"{path} is not a run directory (it has no config.yaml): name one that `train` has made"
            f"{exported}"
        )
    names = sorted(each.parent.name for each in path.parent.glob(f"*/{run.config.name}"))
    near = nearest_name(path.name, names)
    hint = f"did you mean {path.parent / near}?" if near else "name one that `train` has made"
    raise SparseganError(f"there is no run directory {path}: {hint}")


def free_name(source: str, method: str, parent: Path = Path("runs")) -> Path:
    """runs/<source>-<method>-<n> with the lowest n from 1 that does not exist yet.

    A source such as `hf:owner/name` stands in it as `hf-owner-name`.
    """
    for number in itertools.count(1):
        path = parent / f"{re.sub('[^A-Za-z0-9._-]', '-', source)}-{method}-{number}"
        if not path.exists():
            return path
    raise AssertionError("count() does not end")


def _by_step(paths: Iterable[Path], named: Callable[[int], Path]) -> list[tuple[int, Path]]:
    """Steps and files, ascending, of those that have the name that the run gives at a step."""
    steps = ((_step(path), path) for path in paths)
    return sorted((step, path) for step, path in steps if step >= 0 and path == named(step))


def _step(path: Path) -> int:
    """The step in the name of a checkpoint or a grid; -1 where there is none."""
    number = path.stem.removeprefix("step-")
    return int(number) if number.isdecimal() and number.isascii() else -1
