"""The run directory: the one place that knows where a run keeps what."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from sparsegan.errors import SparseganError
from sparsegan.files import is_left_behind, leads_out
from sparsegan.train.metrics_log import read_events

_CHECKPOINT = "step-{:08d}.safetensors"


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
    def cost(self) -> Path:
        """cost.json, weights, operations and seconds."""
        return self.path / "cost.json"

    @property
    def report(self) -> Path:
        """report.html, the page to look at."""
        return self.path / "report.html"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of the sample grids."""
        return self.path / "samples"

    def checkpoint(self, step: int) -> Path:
        """The checkpoint after `step` generator steps."""
        return self.checkpoints / _CHECKPOINT.format(step)

    def sample(self, step: int, pair: str = "") -> Path:
        """The sample grid after `step` generator steps, of a pair of networks if there are more."""
        return self.samples / pair / f"step-{step:08d}.png"

    def checkpoint_steps(self) -> list[int]:
        """Steps that have a checkpoint, ascending."""
        found = self.checkpoints.glob("step-*.safetensors")
        return sorted(int(path.stem[5:]) for path in found if path.stem[5:].isdigit())

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

    def is_finished(self) -> bool:
        """Whether the run has come to its end, report and all."""
        if not self.metrics.is_file():
            return False
        return any(event["kind"] == "end" for event in read_events(self.metrics))

    def best_step(self) -> int | None:
        """The step with the lowest evaluation so far, or none; of several pairs, by their mean."""
        if not self.metrics.is_file():
            return None
        found: dict[int, list[float | None]] = {}
        for event in read_events(self.metrics):
            if event["kind"] == "evaluate":
                found.setdefault(event["step"], []).append(event["value"])
        means = [
            (fmean(value for value in values if value is not None), step)
            for step, values in found.items()
            if None not in values
        ]
        return min(means)[1] if means else None

    def prune(self, keep: int) -> None:
        """Remove all checkpoints but the newest `keep` and the one with the best evaluation."""
        steps = self.checkpoint_steps()
        spared = {*steps[-keep:], self.best_step()}
        for step in steps:
            if step not in spared:
                self.checkpoint(step).unlink()

    def forget_after(self, step: int) -> None:
        """Remove checkpoints and grids later than `step`, and what killed writes left behind."""
        for later in self.checkpoint_steps():
            if later > step:
                self.checkpoint(later).unlink()
        for grid in self.samples.rglob("step-*.png"):
            if grid.stem[5:].isdigit() and int(grid.stem[5:]) > step:
                grid.unlink()
        pattern = ".*.tmp"
        left = [*self.path.glob(pattern), *self.checkpoints.glob(pattern)]
        for file in (*left, *self.samples.rglob(pattern)):
            if is_left_behind(file):
                file.unlink()

    def require_own_folders(self) -> None:
        """Refuse to write and delete in folders elsewhere, of which a copied run may have links.

        Raises:
            SparseganError: A folder of the run is a link that leads out of it.
        """
        for folder in (self.checkpoints, self.samples):
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
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SparseganError(
            f"{path} exists and is not empty: choose another --run.directory, "
            f"or continue the run with `sparsegan resume {path}`"
        )
    run = RunDirectory(path)
    try:
        run.checkpoints.mkdir(parents=True)
        run.samples.mkdir()
    except OSError as error:
        raise SparseganError(f"cannot make the run directory {path}: {error.strerror}") from None
    return run


def open_run(path: Path) -> RunDirectory:
    """The directory of a run that `train` has made.

    Raises:
        SparseganError: There is none.
    """
    run = RunDirectory(path)
    if not run.config.is_file():
        raise SparseganError(
            f"{path} is not a run directory (it has no config.yaml): name one that `train` has made"
        )
    return run


def free_name(source: str, method: str, parent: Path = Path("runs")) -> Path:
    """runs/<source>-<method>-<n> with the lowest n from 1 that does not exist yet.

    A source such as `hf:owner/name` stands in it as `hf-owner-name`.
    """
    for number in itertools.count(1):
        path = parent / f"{re.sub('[^A-Za-z0-9._-]', '-', source)}-{method}-{number}"
        if not path.exists():
            return path
    raise AssertionError("count() does not end")
