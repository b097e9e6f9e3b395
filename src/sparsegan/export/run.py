"""From a run directory to an exported file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sparsegan.errors import SparseganError
from sparsegan.export import onnx
from sparsegan.export.frozen import Frozen, freeze
from sparsegan.export.hub.folder import write_folder
from sparsegan.export.packed import write_packed
from sparsegan.export.page.write import write_html
from sparsegan.report.read import RunRecord, read_run
from sparsegan.settings.names import unknown
from sparsegan.train.trained import open_trained


class Format(NamedTuple):
    """A kind of file, or of folder.

    Attributes:
        write: Writes a generator of a run to a path; what the user should know of it, or None.
        suffix: Of the file's name, with its dot; of a folder's, with its hyphen.
        check: Raises SparseganError where the packages that `write` needs are not there.
    """

    write: Callable[[Frozen, Path, RunRecord], str | None]
    suffix: str
    check: Callable[[], None] = lambda: None


FORMATS = {
    "packed": Format(lambda frozen, path, _: write_packed(frozen, path), ".safetensors"),
    "onnx": Format(lambda frozen, path, _: onnx.write_onnx(frozen, path), ".onnx", onnx.check),
    "html": Format(lambda frozen, path, _: write_html(frozen, path), ".html"),
    "hub": Format(write_folder, "-hub"),
}
"""The kinds of files by name."""


@dataclass(frozen=True)
class Written:
    """An exported file or folder.

    Attributes:
        path: Where it is.
        step: Generator steps of the run when the generator was as it is.
        bytes: Of the file, or of all files of the folder.
        dense_bytes: Of the generator's tensors, every weight stored.
        note: What the user should know of it: why a packed file has no graph.
    """

    path: Path
    step: int
    bytes: int
    dense_bytes: int
    note: str | None = None


def export_run(
    run: Path,
    to: str,
    output: Path | None = None,
    checkpoint: Path | str | int | None = None,
    *,
    game: str | None = None,
    title: str = "",
    trust_code: bool = False,
) -> Written:
    """Write the averaged generator of a run, with the statistics it is drawn by, to a file.

    Args:
        run: The run's directory.
        to: One of `FORMATS`.
        output: The file or folder; None is `generator` (of a game: `generator-a_to_b`) with the
            format's suffix, in the run.
        checkpoint: Which state of the run: `best`, a step or a path; None is the newest.
        game: Name of the game, for a run of several.
        title: What a page or card calls it; empty: by the images that it has learnt from.
        trust_code: Whether code that the run's config.yaml names may be run (`settings.trust`).

    Raises:
        SparseganError: There is no such format, the run or its checkpoint cannot be used, the file
            cannot be written, or packages that the format needs are not there.
    """
    if to not in FORMATS:
        raise SparseganError(unknown("format", to, list(FORMATS)))
    form = FORMATS[to]
    form.check()  # before the work, not after it
    trained = open_trained(run, checkpoint, trust_code=trust_code)
    frozen = replace(freeze(trained, game), title=title)
    name = "generator" if game is None else f"generator-{game}"
    path = output or run / f"{name}{form.suffix}"
    # A log that is lost takes nothing from the generator.
    record = next((own for own in read_run(run) if own.game == game), RunRecord(run, name, game))
    note = form.write(frozen, path, record)
    files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
    written = sum(file.stat().st_size for file in files)
    return Written(path, trained.step, written, frozen.dense_bytes, note)
