"""Where the cells of a study are, as this file alone knows."""

from dataclasses import dataclass
from pathlib import Path

from sparsegan.record.run import RunDirectory

RUNS = "runs"
SET_ASIDE = "set-aside"
"""Runs that a cell no longer goes on with: of other settings, or from another machine."""


@dataclass(frozen=True)
class CellPaths:
    """The paths of a cell; making one of these touches no file.

    Attributes:
        study: The study's folder.
        name: The cell's.
    """

    study: Path
    name: str

    @property
    def run(self) -> RunDirectory:
        """The directory of its run."""
        return RunDirectory(self.study / RUNS / self.name)

    @property
    def record(self) -> Path:
        """What became of it, beside its run, which need not be there."""
        return self._beside("cell.json")

    @property
    def lock(self) -> Path:
        """What the process that works on it has locked."""
        return self._beside("lock")

    @property
    def output(self) -> Path:
        """What its processes have printed."""
        return self._beside("log")

    def _beside(self, ending: str) -> Path:
        path = self.run.path
        return path.with_name(f"{path.name}.{ending}")

    def free_aside(self) -> Path:
        """Where its run can be put aside."""
        number = 1
        while (path := self.study / SET_ASIDE / f"{self.name}-{number}").exists():
            number += 1
        return path


def names(study: Path) -> list[str]:
    """The cells that a study's folder has records or runs of."""
    runs = study / RUNS
    folders = {
        path.with_name(path.name.removesuffix(".cell.json"))
        for path in runs.glob("*/seed=*.cell.json")
    }
    folders |= {path.parent for path in runs.glob("*/seed=*/config.yaml")}
    return sorted(path.relative_to(runs).as_posix() for path in folders)
