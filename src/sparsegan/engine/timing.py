"""How long kernels take: how often it is measured, seconds over density, tables between runs."""

import functools
import hashlib
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sparsegan import cache
from sparsegan.engine.native import isa, library
from sparsegan.locks import FileLock

Job = Callable[[], object]

# So many rounds give a median, more than so many improve it little.
FEWEST, MOST = 3, 20

# Seconds to wait for another process: measuring takes seconds, with the largest networks minutes.
PATIENCE = 600.0

log = logging.getLogger("sparsegan")


@dataclass(frozen=True)
class Fit:
    """Seconds of a forward and backward on either kind of kernels.

    Attributes:
        masked: On dense kernels under masks, whatever the density.
        fixed: On native kernels at density 0, extrapolated.
        slope: What density 1 adds to it.
    """

    masked: float
    fixed: float
    slope: float

    def native(self, density: float) -> float:
        """Seconds on native kernels at a density."""
        return self.fixed + self.slope * density


def medians(jobs: Sequence[Job], seconds: float) -> list[float]:
    """Median seconds of each job, over rounds of all jobs in turn, after one that warms up.

    Rounds go on until a job has on average taken ``seconds``: at most twenty, and at least three,
    or as few as take four times that long. A first round that takes so long is not repeated.
    """
    limit = seconds * len(jobs)
    first = [_seconds(job) for job in jobs]
    if sum(first) >= 4 * limit:
        return first
    rounds: list[list[float]] = []
    spent = 0.0
    while len(rounds) < MOST and spent < limit * (4 if len(rounds) < FEWEST else 1):
        rounds.append([_seconds(job) for job in jobs])
        spent += sum(rounds[-1])
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def _seconds(job: Job) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def line(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Seconds at density 0 and what density 1 adds, of a line through (density, seconds) twice.

    Noise makes neither of them negative: nothing takes less than no time, or less for more work.
    """
    slope = max(0.0, (second[1] - first[1]) / (second[0] - first[0]))
    return max(0.0, first[1] - slope * first[0]), slope


def kept(what: object, measure: Callable[[], Tensor], *, anew: bool = False) -> Tensor:
    """A table of the cache folder, measured where there is none for this machine and thread count.

    Two runs of one configuration on one machine then decide alike, and so end alike; begun at the
    same time, too, since one measures and the other waits for its table.

    Args:
        what: Tells this table from others; its ``repr`` counts.
        measure: Makes the table, of float64.
        anew: Measure in any case; later runs find what is measured now.
    """
    text = repr((what, torch.get_num_threads(), *_machine()))
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = cache.cache_folder() / "engine" / f"{name}.safetensors"
    table = None if anew else cache.read_tensor(path)
    if table is None:
        with _alone(path.parent):
            table = None if anew else cache.read_tensor(path)
            if table is None:
                table = measure()
                cache.write_tensor(path, table)
    return table


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A time in which no other process with the same cache folder measures.

    One lock for all tables: two measurements at once would each find the other's load. It ends with
    its process. There is no lock where there can be none, and nobody waits for ever.
    """
    lock = FileLock(folder / "measuring.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for attempt, _ in enumerate(lock.wait(PATIENCE)):
            if attempt == 0:
                log.warning(
                    "another process is timing kernels: waiting for it, %d minutes at most",
                    PATIENCE / 60,
                )
    except OSError as error:
        log.debug("no lock on %s: %s", folder, error)
    try:
        yield
    finally:
        lock.release()


def _machine() -> tuple[object, ...]:
    return _processor(), os.cpu_count(), torch.__version__, isa(), _build()


@functools.cache
def _processor() -> str:
    # On Linux the platform module mostly knows no more than the architecture.
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@functools.cache
def _build() -> str:
    """Other kernels take other times: a digest of the compiled module."""
    return hashlib.sha256(Path(str(library().__file__)).read_bytes()).hexdigest()
