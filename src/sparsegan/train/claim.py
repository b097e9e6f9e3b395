"""The directory that a new run takes for itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.locks import FileLock
from sparsegan.record.run import RunDirectory, create, free_name, hold
from sparsegan.settings.config import Config

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def new_run(config: Config, fabric: "Fabric") -> tuple[RunDirectory, FileLock | None]:
    """The directory of a new run, and on the first process its lock.

    The first process makes it and locks it; all learn its path, or why there is none.

    Raises:
        SparseganError: It cannot be made, or is not empty.
    """
    answer, lock = "", None
    if fabric.is_global_zero:
        try:
            run, lock = _claim(config)
            answer = str(run.path)
        except SparseganError as error:
            answer = f"!{error}"
    answer = fabric.broadcast(answer)
    if answer.startswith("!"):
        raise SparseganError(answer[1:])
    return RunDirectory(Path(answer)), lock


def _claim(config: Config) -> tuple[RunDirectory, FileLock]:
    directory = config.run.directory
    path = expanded(directory) if directory else None
    while path is None:
        free = free_name(str(config.data.source), config.method.name)
        try:
            free.mkdir(parents=True)
            path = free
        except FileExistsError:  # another run has just taken it
            continue
        except OSError as error:
            raise SparseganError(
                f"cannot make the run directory {free}: {error.strerror}"
            ) from None
    run = create(path)
    lock = hold(run)
    if not run.is_vacant():  # by another process, before we had the lock
        lock.release()
        create(path)
    return run, lock
