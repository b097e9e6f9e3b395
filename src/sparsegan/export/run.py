"""From a run directory to an exported file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sparsegan.export import onnx
from sparsegan.export.frozen import Frozen, freeze
from sparsegan.export.packed import write_packed
from sparsegan.train.trained import open_trained


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        write: Writes a generator to a path; what the user should know of the file, or None.
        suffix: Of the file's name, with its dot.
        check: Raises SparseganError where the packages that `write` needs are not there.
    """

    write: Callable[[Frozen, Path], str | None]
    suffix: str
    check: Callable[[], None] = lambda: None


FORMATS = {
    "packed": Format(write_packed, ".safetensors"),
    "onnx": Format(onnx.write_onnx, ".onnx", onnx.check),
}
"""The kinds of files by name."""


@dataclass(frozen=True)
class Written:
    """An exported file.

    Attributes:
        path: Where it is.
        step: Generator steps of the run when the generator was as it is.
        bytes: Of the file.
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
    trust_code: bool = False,
) -> Written:
    """Write the averaged generator of a run, with the statistics it is drawn by, to one file.

    Args:
        run: The run's directory.
        to: One of `FORMATS`.
        output: The file; None is `generator` (of a game: `generator-a_to_b`) with the format's
            suffix, in the run.
        checkpoint: Which state of the run: `best`, a step or a path; None is the newest.
        game: Name of the game, for a run of several.
        trust_code: Whether code that the run's config.yaml names may be run (`train.trust`).

    Raises:
        SparseganError: The run or its checkpoint cannot be used, the file cannot be written, or
            packages that the format needs are not there.
    """
    form = FORMATS[to]
    form.check()  # before the work, not after it
    trained = open_trained(run, checkpoint, trust_code=trust_code)
    frozen = freeze(trained, game)
    name = "generator" if game is None else f"generator-{game}"
    path = output or run / f"{name}{form.suffix}"
    note = form.write(frozen, path)
    return Written(path, trained.step, path.stat().st_size, frozen.dense_bytes, note)
