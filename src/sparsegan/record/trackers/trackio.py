"""A run in trackio: a local store in which all runs of a project stand side by side."""

import contextlib
import importlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparsegan.files import atomic_write_text
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse
from sparsegan.settings.config import Config

PROJECT = "sparsegan"


class Trackio:
    """Logs a run to trackio's project `sparsegan`, in place of what it has logged before.

    Where that is (this machine, a server, a Space) trackio's own environment variables say. The
    run directory keeps in trackio.json under what id the run is there.

    Args:
        run: Called like its directory.
        config: Its settings, by dotted key.
    """

    def __init__(self, run: RunDirectory, config: Config) -> None:
        self._trackio: Any = importlib.import_module("trackio")
        self._row: tuple[int, dict[str, Any]] = (0, {})
        known = run.path / "trackio.json"
        path = run.path.resolve()
        directory = str(path)
        # A study's cells are called by their seeds, in a folder of their arm's.
        name = f"{path.parent.name}/{path.name}" if path.name.startswith("seed=") else path.name
        self._forget(known, directory)
        with _silence():
            self._run = self._trackio.init(
                project=PROJECT,
                name=name,
                config=parse.flat(config),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        atomic_write_text(known, json.dumps({"id": self._run.id, "directory": directory}) + "\n")
        self.look = f"trackio show --project {PROJECT}"

    def _forget(self, known: Path, directory: str) -> None:
        """Remove what this run, and no copy of it, has logged before into this store."""
        if not known.is_file():  # a pipe would never end
            return
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            before = json.loads(known.read_text())
            for run in self._trackio.Api().runs(PROJECT):
                if (run.id, directory) == (before["id"], before["directory"]):
                    run.delete()

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers of a step; all of a step make one row, which is logged when another begins."""
        self._add(step, dict(numbers))

    def picture(self, step: int, name: str, path: Path) -> None:
        """A PNG of a step."""
        self._add(step, {name: self._trackio.Image(str(path))})

    def _add(self, step: int, values: dict[str, Any]) -> None:
        if step != self._row[0]:
            self._log()
            self._row = (step, {})
        self._row[1].update(values)

    def _log(self) -> None:
        step, values = self._row
        if values:
            self._run.log(values, step=step)
        self._row = (step, {})

    def close(self) -> None:
        """Log the last row, and wait until it is in the store."""
        self._log()
        with _silence():
            self._trackio.finish()  # of the run, which it would close again at exit


@contextmanager
def _silence() -> Iterator[None]:
    """No word of trackio's own between the lines of a run."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
